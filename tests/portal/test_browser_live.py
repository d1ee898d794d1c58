"""A server as a user starts it, in a real browser: run, cancel, kill and go on; predict; two readers of one job.

Jobs are real: JAX, a fit, a judgement.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from portal import shelves
from portal.browsing import IN_A_BROWSER, Cable, Served, drop, eventually

from erlangen import registry
from erlangen.data.readers import read_atoms
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.study.run import run

pytestmark = IN_A_BROWSER
WATER = "3\nProperties=species:S:1:pos:R:3\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"
HYDROGEN_PEROXIDE = "4\nProperties=species:S:1:pos:R:3\nO 0 0.7 0\nO 0 -0.7 0\nH 0.8 0.9 0.5\nH -0.8 -0.9 0.5\n"
CIF = """data_water
_cell_length_a 9
_cell_length_b 9
_cell_length_c 9
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
O1 O 0.5 0.5 0.5
H1 H 0.606 0.5 0.5
H2 H 0.473 0.603 0.5
"""
GONE = ("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET", "api/events")
LATE = """job => {
  const began = Date.now() / 1000, source = new EventSource('../../../api/events?job=' + job)
  window.late = []
  source.addEventListener('step', e => {
    const at = JSON.parse(e.data).at
    if (at > began) window.late.push(Date.now() / 1000 - at)
  })
}"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Two runs of the forces of water: by a kernel, with intervals, and by the mean, without."""
    task = registry.load_task("molecules/forces")
    methods = (Conformal(registry.load_method("kernel_ridge")()), registry.load_method("mean")())
    folder = tmp_path_factory.mktemp("water")
    return [run(task(**task.toy), method, runs=folder, quiet=True).folder for method in methods]


@pytest.fixture(scope="module")
def water(fitted):
    return fitted[0]


@pytest.fixture(scope="module")
def cable():
    return Cable()


@pytest.fixture(scope="module")
def served(fitted, cable, tmp_path_factory):
    runs = shelves.shelf(tmp_path_factory.mktemp("served") / "runs")
    for folder in fitted:
        shutil.copytree(folder, runs / folder.name)
    found = Served(runs, "--host-name", f"127.0.0.1:{cable.port}")
    cable.to = found.port
    yield found
    found.stop()


def job(page, index=0):
    return page.locator("section.live").nth(index)


def field(page, label):
    return page.locator("#run label", has_text=re.compile(f"^{label}")).first.locator("input")


def ask(page, budget, **fields):
    """Fill the form of a leaf and start."""
    for label, value in {**fields, "Budget": budget}.items():
        field(page, label).fill(value)
    page.get_by_role("button", name="Start").click()


def until(page, locator, words, seconds=240):
    """Wait until it says so."""
    end = time.monotonic() + seconds
    while not re.search(words, text := locator.inner_text()):
        assert time.monotonic() < end and "failed" not in text.split("\n")[:2], text
        page.wait_for_timeout(200)


def test_run_cancel_and_a_server_that_is_killed_in_between(opened, served):
    """The page that was open finds its job again, whatever became of the server; the row appears without a reload."""
    page = opened(served.url("leaf/quantum/spins/"), forgiven=GONE)
    rows = page.locator("#board tbody tr.ours")
    before = rows.count()
    ask(page, "6s", Sites="8")
    until(page, job(page), r"step \d")
    page.evaluate(LATE, json.loads(page.request.get(served.url("api/jobs.json")).text())["jobs"][0]["job"])
    eventually(page, "window.late.length >= 5")
    assert np.median(page.evaluate("window.late")) <= 1.0  # seconds from a step to the page
    ask(page, "20s", Sites="10")
    until(page, job(page), "1 before it")
    job(page).get_by_role("button", name="Cancel").click()
    until(page, job(page), "cancelled")
    served.kill()
    until(page, job(page, 1), "does not answer")
    served.start()
    until(page, job(page, 1), "Open the record")
    assert "does not answer" not in job(page, 1).inner_text()
    eventually(page, f"document.querySelectorAll('#board tbody tr.ours').length > {before}")
    states = "fetch('../../../api/jobs.json').then(r => r.json()).then(a => a.jobs.map(j => j.state).sort().join())"
    eventually(page, f"{states}.then(found => found === 'cancelled,done')")
    assert len(list(served.runs.glob("*-spins-*"))) == 2  # one of the shelf, one of the job
    job(page, 1).get_by_role("link", name="Open the record").click()
    page.wait_for_selector("main h1")
    assert "quantum/spins" in page.locator("h1").inner_text() and page.locator(".five-card li").count() == 5


def test_the_journey_of_a_student_by_keyboard_alone(opened, served):
    """From the map to a leaf, its form, a run of one's own and its record, without a pointer."""
    page = opened(served.url(""))
    press, focused = page.keyboard.press, lambda: page.evaluate("document.activeElement.innerText || ''")

    def reach(words, most=120):
        for _ in range(most):
            press("Tab")
            if re.search(words, focused()) or re.search(words, page.evaluate("document.activeElement.name || ''")):
                return
        raise AssertionError(f"no {words!r} within {most} steps of Tab")

    press("Tab")
    assert "Skip" in focused()
    reach("Quantum mechanics")
    press("ArrowRight")
    press("Enter")
    page.wait_for_url("**/leaf/quantum/spins/")
    page.wait_for_selector("#run")
    reach("Run it here")
    press("Enter")
    for label, text in (("Sites", "8"), ("Budget", "3steps")):
        for _ in range(40):
            press("Tab")
            if page.evaluate("document.activeElement.closest('label')?.innerText ?? ''").startswith(label):
                break
        press("Control+A")
        page.keyboard.type(text)
        assert field(page, label).input_value() == text
    press("Enter")
    began = time.monotonic()
    until(page, job(page), "Open the record")
    assert page.locator("section.live [role=status]").inner_text() != ""  # said aloud
    print(f"  own record after {time.monotonic() - began:.0f} s")
    reach("Open the record", 60)
    press("Enter")
    page.wait_for_url("**/run/**")
    page.wait_for_selector(".five-card li")
    assert page.locator(".five-card li p").count() >= 5


@pytest.mark.parametrize(("name", "text"), [("water.xyz", WATER), ("water.cif", CIF)], ids=["xyz", "cif"])
def test_a_file_is_dropped_answered_and_read_back(opened, served, water, name, text, tmp_path):
    page = opened(served.url(f"predict/?run={water.name}"))
    drop(page, name, text.encode())
    page.wait_for_selector(".holds h2")
    assert "1 structure, of O, H" in page.locator(".holds").inner_text().replace("H, O", "O, H")
    page.locator("li.card", has=page.locator(f"a[href*='{water.name}']")).get_by_role("button", name="Predict").click()
    answer = page.locator(".result")
    answer.wait_for()
    assert "90 % interval" in answer.inner_text() and "±" in answer.inner_text()
    assert "It learned from" in answer.inner_text()
    with page.expect_download() as download:
        answer.get_by_role("link", name="Download").click()
    kept = tmp_path / download.value.suggested_filename
    download.value.save_as(kept)
    (frame,) = read_atoms(kept)
    assert frame.columns["predicted_forces"].shape == (3, 3)
    assert frame.info["predicted_energy_lower"] < frame.info["predicted_energy"] < frame.info["predicted_energy_upper"]


def test_what_the_library_says_of_a_file_stands_on_the_page(opened, served, fitted):
    """The mean answers and warns; the kernel, made for three atoms, refuses."""
    page = opened(served.url("predict/"), forgiven=("status of 4",))
    drop(page, "peroxide.xyz", HYDROGEN_PEROXIDE.encode())
    kernel, mean = (page.locator("li.card", has=page.locator(f"a[href*='{one.name}']")) for one in fitted)
    mean.get_by_role("button", name="Predict").click()
    page.locator(".result").wait_for()
    said = page.locator(".result").inner_text()
    assert "energy of H2O2 (frame 1) cannot be told" in said and "no intervals" in said
    kernel.get_by_role("button", name="Predict").click()
    page.wait_for_selector("[role=alert]")
    assert "came:" in page.locator("[role=alert]").inner_text()


def test_what_a_record_never_saw_and_what_is_no_file_is_refused_in_words(opened, served, water):
    page = opened(served.url("predict/"), forgiven=("status of 4",))
    drop(page, "salt.xyz", b"2\n<img src=x onerror=alert(1)>\nNa 0 0 0\nCl 2.8 0 0\n")
    page.wait_for_selector(".holds h2")
    assert page.locator("li.card", has=page.locator(f"a[href*='{water.name}']")).count() == 0
    page.locator(".unable summary").click()
    reason = page.locator(".unable li", has=page.locator(f"a[href*='{water.name}']")).inner_text()
    assert "never saw Na, Cl" in reason
    assert page.locator("main img").count() == 0
    said = "document.querySelector('[role=alert]')?.innerText"
    for name, body in (("evil.pkl", b"x"), ("broken.cif", b"data_\nloop_"), ("a.xyz", b"3\nno\n")):
        before = page.evaluate(said)
        drop(page, name, body)
        eventually(page, f"before => {said} && {said} !== before", before)
        assert "came: " in page.evaluate(said)


def test_statement_and_board_are_there_without_a_script(opened, served):
    page = opened(served.url("leaf/continuum/burgers/"), script=False)
    text = page.locator("main").inner_text()
    assert "Burgers" in text and "fno" in text and "nRMSE" in text
    assert page.locator("main table").count() >= 1 and page.locator("main .notice").count() == 0
    page.get_by_role("link", name="Runs").first.click()
    assert page.locator("main table tbody tr").count() >= 5


def test_no_page_of_the_server_breaks_its_policy(opened, served, water):
    paths = ("", "?view=scales", "area/molecules/", "leaf/molecules/forces/", f"run/{water.name}/", "runs/", "methods/")
    page = opened(served.url("about/"))
    for path in (
        *paths,
        "method/painn/",
        "predict/",
        "lessons/",
        "lesson/theory/groups/",
        "resources/",
        f"compare/?runs={water.name}",
    ):
        page.goto(served.url(path))
        page.wait_for_selector("main h1")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.refused") == [], path
    page.goto(served.url(f"run/{water.name}/"))
    page.get_by_role("button", name="Turn").click()  # the viewer, a script of its own
    page.wait_for_selector("canvas")
    page.wait_for_timeout(500)
    assert page.evaluate("window.refused.filter(one => !one.includes('eval'))") == []
    page.evaluate("window.refused = []")


def test_two_readers_of_one_job_of_whom_one_loses_the_network(opened, served, cable):
    """The one who was away for 20 s is told what it missed: both see the same curves in the end."""
    first = opened(served.url("leaf/quantum/spins/"), forgiven=GONE)
    ask(first, "2m", Sites="8")
    until(first, job(first), r"step \d")
    name = json.loads(first.request.get(served.url("api/jobs.json")).text())["jobs"][0]["job"]
    second = opened(served.url(f"runs/?job={name}", cable.port), forgiven=GONE)
    until(second, job(second), r"step \d")
    cable.cut()
    until(second, job(second), "does not answer")
    second.wait_for_timeout(20_000)
    cable.mend()
    eventually(second, "!document.querySelector('section.live').innerText.includes('does not answer')")
    job(first).get_by_role("button", name="Cancel").click()
    for page in (first, second):
        until(page, job(page), "cancelled")
    curves = "[...document.querySelectorAll('section.live path.curve')].map(e => e.getAttribute('d'))"
    assert first.evaluate(curves) == second.evaluate(curves) != []


def test_ten_thousand_jobs_end_in_one_sentence_each_and_a_server_that_lives(opened, served):
    """From ten clients of the user's own session; what the queue took is cancelled."""
    page = opened(served.url("leaf/quantum/spins/"))
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    origin = f"http://127.0.0.1:{served.port}"
    request = {"task": "quantum/spins", "task_fields": {"sites": 8}, "method": "rbm", "budget": "1steps", "seed": 0}
    body = json.dumps({**request, "method_fields": {}, "wraps": []})

    def flood(count: int) -> list[tuple[int, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
        found = []
        for _ in range(count):
            headers = {"Content-Type": "application/json", "Origin": origin, "Cookie": cookie}
            connection.request("POST", "/api/jobs", body, headers)
            answer = connection.getresponse()
            found.append((answer.status, json.loads(answer.read()).get("must", "")))
        return found

    with ThreadPoolExecutor(10) as pool:
        every = Counter(one for found in pool.map(flood, [1_000] * 10) for one in found)
    said = [line for line in served.log.read_text(errors="replace").splitlines() if "refused" not in line]
    assert not said, said[-40:]
    assert set(every) == {(202, ""), (429, "the queue has room")} and every[202, ""] <= 25
    assert sum(every.values()) == 10_000
    for one in json.loads(page.request.get(served.url("api/jobs.json")).text())["jobs"]:
        if one["state"] in ("queued", "running"):
            page.evaluate("job => fetch('../../../api/jobs/' + job, { method: 'DELETE' })", one["job"])
    assert page.request.get(served.url("")).status == 200
