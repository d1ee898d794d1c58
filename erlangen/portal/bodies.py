"""What stands in <main> of every page without a script: title, statement, boards and tables, from the page's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..study.notation import number, pretty
from .markup import STATES, a, board, e, facts, listed, measures, prose, runs, section, table

Body = Callable[[str, Any], str]
"""(root, answer) -> HTML"""
ROWS_WITHOUT_SCRIPT = 500
COMMAND = '<pre class="code"><code>{}</code></pre>'
SURVEY = '<a href="https://arxiv.org/abs/2307.08423" rel="noopener noreferrer">arXiv:2307.08423</a>'
BARS = (
    "<p>Every figure comes from a record, with one standard error and the way it was made. The same letter means: "
    "cannot be told apart on the samples at hand. N* is the number of queries after which labels and fit are paid for. "
    "Published values keep their source and are never ranked among ours.</p>"
)
CITE = "<p>The map follows the survey arXiv:2307.08423; every page names the record that it shows.</p>"


def the_map(root: str, found: Any) -> str:
    """Areas with their leaves, and how each stands."""
    count = found["count"]
    parts = [
        "<h1>The map of AI for science, runnable</h1>",
        f'<p class="lede">{count["leaves"]} questions from electrons to oceans: {count["open"]} open, '
        f"{count['runs']} run, {count['planned']} planned; {count['records']} records.</p>",
    ]
    for scale in found["scales"]:
        areas = [area for area in found["areas"] if area["scale"] == scale["name"]]
        body = "".join(
            f"<h3>{a(root, area['href'], area['title'])}</h3>"
            + listed((_leaf(root, leaf) for leaf in area["leaves"]), "leaves")
            for area in areas
        )
        parts.append(section(scale["title"], body, scale["name"]))
    return "".join(parts)


def _leaf(root: str, leaf: Mapping[str, Any]) -> str:
    first = next(iter(leaf.get("five", [])), None)
    best = f", {e(leaf['best'])}: {e(first['figure']['text'])} {e(first['what'])}" if first else ""
    mark = "" if leaf["charted"] else ", from a plug-in: not on the map"
    state = f'<span class="state {leaf["state"]}">{STATES[leaf["state"]]}{mark}</span>'
    return f"{a(root, leaf['href'], leaf['title'])} {state}{best}. {e(leaf['line'])}"


def area(root: str, found: Any) -> str:
    """Leaves of an area, and its methods against them."""
    one = found["area"]
    leaves = listed((_leaf(root, leaf) for leaf in one["leaves"]), "leaves")
    paths = [leaf["path"] for leaf in one["leaves"] if leaf["state"] != "planned"]
    rows = [
        [a(root, row["href"], row["name"]), *(_dot(row, path) for path in paths)]
        for row in found["methods"]
        if not row["wrapper"]
    ]
    names = [path.split("/")[1].replace("_", " ") for path in paths]
    matrix = table(("method", *names), rows, "Methods against leaves") if rows and paths else ""
    return (
        f'<p class="crumb">{_home(root)}</p><h1>{e(one["title"])}</h1><p>{e(found["text"])}</p>'
        f"{section('Leaves', leaves)}{section('Methods', matrix)}{_resources(found['resources'])}"
    )


def _home(root: str) -> str:
    return f'<a href="{e(root)}">Map</a>'


def _dot(row: Mapping[str, Any], path: str) -> str:
    if count := row["leaves"].get(path):
        return f"{count} record{'s' * (count != 1)}"
    return "fits" if path in row["fits"] else '<span class="none">–</span>'


def _resources(rows: list[Any]) -> str:
    return section("Resources", listed(_resource(row) for row in rows), "resources")


def _resource(row: Mapping[str, Any]) -> str:
    year = f", {row['year']}" if row["year"] else ""
    gone = ", no longer maintained" if row["alive"] is False else ""
    about = ", ".join(filter(None, [row["kind"], row["licence"]]))
    return f"{a('', row['href'], row['title'])} ({e(about)}{year}{gone}). {e(row['line'])}"


def leaf(root: str, found: Any) -> str:
    """Statement, facts, best record, board, how to run it."""
    one, task = found["leaf"], found["task"]
    parts = [
        f'<p class="crumb">{_home(root)} › {a(root, found["area_href"], found["area_title"])}</p>',
        f'<h1>{e(one["title"])}</h1><p class="lede">{e(found["statement"])}</p>',
        f'<p class="equation"><code>{e(found["equation"])}</code></p>' if found["equation"] else "",
        facts(_leaf_facts(root, found)),
    ]
    if best := found["best"]:
        about = f"<p>{a(root, best['href'], best['title'])}: {e(best['line'])}</p>"
        parts.append(section("Best record here", about + measures(best["five"]), "best"))
    if task is not None:
        parts.append(section("Board", board(root, found["board"]), "board"))
        unrun = ", ".join(a(root, f"method/{name}/", name) for name in found["unrun"])
        parts.append(section("Not run here yet", f"<p>{unrun}</p>" if unrun else ""))
        parts.append(section("Run it", COMMAND.format(e(found["command"])) if found["command"] else "", "run"))
        parts.append(section("Settings", _settings(task["settings"]), "settings"))
    else:
        how = "No task answers this leaf yet. How to write one, in about 60 lines: docs/add_a_task.md."
        parts.append(section("Planned", f"<p>{how}</p>"))
    neighbours = listed(a(root, one["href"], one["title"]) for one in found["neighbours"])
    parts += [
        section("Open questions", listed(map(e, found["open"]))),
        section("References", listed(a("", r["href"], r["title"]) for r in found["references"])),
        _resources(found["resources"]),
        section(f"Also in {found['area_title']}", neighbours),
    ]
    return "".join(parts)


def _leaf_facts(root: str, found: Any) -> list[tuple[str, str]]:
    one, task, bar = found["leaf"], found["task"], found["bar"]
    survey = ", ".join(map(str, one["survey"]))
    numbers = f"{'leaves' if ',' in survey else 'leaf'} {survey} of {SURVEY}"
    rows = [
        ("State", e(STATES[one["state"]]) + (" (from a plug-in, not on the map)" if not one["charted"] else "")),
        ("Symmetry", e(one["symmetry"])),
        ("Survey", numbers if survey else e(one["chapter"])),
        ("Bar", f"{e(bar['text'])} ({e(bar['source'])}); {e(bar['standing'])}" if bar else ""),
        ("Lesson", a(root, found["lesson"], "Lesson") if found["lesson"] else ""),
    ]
    if task is not None:
        fitting = len(found["answers"])
        shifts = (f"{s['label']} {', '.join(s['values'])} {s['unit']}" for s in task["shifts"])
        rows += [
            ("Given", e(", ".join(map(_quantity, task["inputs"])))),
            ("Asked", e(", ".join(map(_quantity, task["outputs"])))),
            ("Shifts", e("; ".join(shifts))),
            ("Problem", e(task["problem"])),
            ("Answered by", f"{fitting} method{'s' * (fitting != 1)}" if task["declared"] or fitting else ""),
        ]
    return rows


def _quantity(q: Mapping[str, Any]) -> str:
    unit = f" [{pretty(q['unit'])}]" if pretty(q["unit"]) else ""
    return f"{q['label']} {q['symbol']}{unit}"


def _settings(rows: list[Any]) -> str:
    cells = [[e(s["name"]), e("required" if s["required"] else s["default"]), e(s["comment"])] for s in rows]
    return table(("setting", "default", "what"), cells, "Settings") if cells else ""


def the_runs(root: str, found: Any) -> str:
    """The list of records."""
    count = found["count"]
    more = f"<p>The newest {ROWS_WITHOUT_SCRIPT} are shown.</p>" if count > ROWS_WITHOUT_SCRIPT else ""
    empty = "<p>No records yet. Start one: <code>erlangen run continuum/burgers --method fno</code></p>"
    rows = runs(root, found["runs"][:ROWS_WITHOUT_SCRIPT]) if count else empty
    left = section("Left out", listed(map(e, found["left_out"])))
    return f'<h1>Records</h1><p class="lede">{count} record{"s" * (count != 1)}</p>{more}{rows}{left}'


def run(root: str, found: Any) -> str:
    """One record: five, scores, certificate, all tables, settings, files."""
    row, record = found["row"], found["record"]
    scores = [
        [e(one["score"]["label"]), e(one["figure"]["text"]), e(one["floor"]), e(one["figure"]["by"])]
        for one in found["scores"]
    ]
    others = [
        section(one["title"], table(one["header"], [list(map(e, cells)) for cells in one["rows"]], one["title"]))
        for one in found["sections"]
        if one["title"] != "scores"
    ]
    settings = [[e(f"{s['owner']} {s['name']}"), e(s["text"])] for s in found["settings"]]
    files = listed(
        f'<a href="{e(root + one["href"])}" download>{e(one["name"])}</a> ({number(one["bytes"] / 1e3)} kB)'
        for one in found["files"]
    )
    about = facts(
        [
            ("State", e(row["state"])),
            ("Made", e(record["created"])),
            ("Device", e(record["device"])),
            ("Versions", e(", ".join(f"{k} {v}" for k, v in record["versions"].items()))),
        ]
    )
    return "".join(
        [
            f'<p class="crumb">{_home(root)} › {a(root, found["leaf"]["href"], found["leaf"]["title"])}</p>',
            f'<h1>{e(found["title"])}</h1><p class="lede">{e(found["run"])}, {e(row["state"])}</p>',
            section("Five measures", measures(found["five"]), "five"),
            section("Scores", table(("score", "value", "label floor", "error bar by"), scores, "Scores")),
            *others,
            section("Messages", listed(map(e, found["messages"]))),
            section("Settings", table((), settings, "Settings")),
            section("Where it comes from", about),
            section("The same again", COMMAND.format(e(found["command"]))),
            section("Files", files),
        ]
    )


def compare(root: str, found: Any) -> str:
    """Records side by side."""
    names = [f"{one['title']} ({one['run']})" for one in found["runs"]]
    if not names:
        choose = f"Records stand side by side here: choose some in the list of {a(root, 'runs/', 'records')}."
        return f"<h1>Compare</h1><p>{choose}</p>"
    scores = [
        [e(one["score"]["label"]), *(f"{e(f['text'])} {e(x)}" for f, x in _pairs(one))] for one in found["scores"]
    ]
    five = [
        [e(one["title"]), *(e(side["five"][i]["figure"]["text"]) for side in found["runs"])]
        for i, one in enumerate(found["runs"][0]["five"])
    ]
    settings = [[e(f"{s['owner']} {s['name']}"), *map(e, s["values"])] for s in found["settings"] if s["differs"]]
    return (
        f"<h1>Compare</h1>{listed(map(e, found['notes']))}"
        f"{section('Five measures', table(('measure', *names), five, 'Five measures'))}"
        f"{section('Scores', table(('score', *names), scores, 'Scores'))}"
        f"{section('What differs', table(('setting', *names), settings, 'Settings') if settings else '')}"
    )


def _pairs(one: Mapping[str, Any]) -> list[tuple[Any, str]]:
    letters = one["letters"] or [""] * len(one["figures"])
    return list(zip(one["figures"], letters))


def methods(root: str, found: Any) -> str:
    """All methods by family."""
    parts = ["<h1>Methods</h1>"]
    for family in found["families"]:
        rows = [row for row in found["methods"] if row["family"] == family]
        parts.append(section(family.replace("_", " "), listed(_method(root, row) for row in rows)))
    return "".join(parts)


def _method(root: str, row: Mapping[str, Any]) -> str:
    count = f" ({row['records']} record{'s' * (row['records'] != 1)})" if row["records"] else ""
    return f"{a(root, row['href'], row['name'])} {e(row['problem'] or row['title'])}{count}"


def method(root: str, found: Any) -> str:
    """One method: what it says, settings, where it stands."""
    one = found["method"]
    places = [
        [
            a(root, place["leaf"]["href"], place["leaf"]["title"]),
            e(place["score"]),
            e(place["figure"]["text"]),
            f"{place['rank']} of {place['of']}",
            a(root, place["href"], "record"),
        ]
        for place in found["places"]
    ]
    stands = table(("leaf", "score", "best", "rank", ""), places, "Where it stands") if places else ""
    fits = listed(a(root, leaf["href"], leaf["title"]) for leaf in found["fits"])
    return (
        f'<h1>{e(one["name"])}</h1><p class="lede">{e(one["title"])}</p>'
        f"{facts([('Keeps exactly', e(', '.join(one['keeps']))), ('Problem', e(one['problem']))])}"
        f'<pre class="doc">{e(one["doc"])}</pre>{section("Where it stands", stands)}{section("Answers", fits)}'
        f"{section('Settings', _settings(one['settings']))}"
        f"{section('Records', runs(root, found['runs'][:100]) if found['runs'] else '')}"
    )


def predict(root: str, found: Any) -> str:
    """Records that can answer a file of one's own."""
    rows = [[a(root, one["href"], one["title"]), e(one["run"]), e(one["container"])] for one in found["runs"]]
    able = "" if found["can"]["predict"] else "<p>Here it is a command: <code>erlangen predict RUN FILE</code></p>"
    return (
        '<h1>Predict</h1><p class="lede">A file of your own, answered by a record, with its intervals.</p>'
        f"{able}<p>Read are {e(', '.join(found['endings']))}, up to {found['upload_mb']} MB.</p>"
        f"{section('Records that answer files', table(('record', 'name', 'takes'), rows, 'Records') if rows else '')}"
    )


def lessons(root: str, found: Any) -> str:
    """The list of lessons, in the order in which one reads them."""
    items = listed(f"{a(root, one['href'], one['title'])}. {e(one['line'])}" for one in found["lessons"])
    return f"<h1>Lessons</h1>{items or '<p>No lessons are installed here.</p>'}"


def lesson(root: str, found: Any) -> str:
    """One lesson, block by block."""
    one, leaf, after = found["lesson"], found["leaf"], found["next"]
    crumb = f" › {a(root, leaf['href'], leaf['title'])}" if leaf else ""
    parts = [
        f'<p class="crumb"><a href="{e(root)}lessons/">Lessons</a>{crumb}</p><h1>{e(one["title"])}</h1>',
        f'<p class="lede">{e(one["line"])}</p><p><a href="{e(root + found["file"])}" download>Notebook</a></p>',
        *map(_block, found["blocks"]),
        f"<p>{e(found['ran'])}</p>",
        f"<p>Next: {a(root, after['href'], after['title'])}</p>" if after else "",
    ]
    return "".join(parts)


def _block(block: Mapping[str, Any]) -> str:
    kind, text = block["kind"], block["text"]
    if kind == "heading":
        return f"<h2>{e(text)}</h2>"
    if kind == "list":
        return listed(map(prose, text.split("\n")))
    if kind == "equation":
        return f'<p class="equation"><code>{e(text)}</code></p>'
    if kind == "solution":
        return f"<details><summary>{e(block['caption'])}</summary>{COMMAND.format(e(text))}</details>"
    if kind in ("text", "exercise"):
        return f'<p class="{kind}">{prose(text)}</p>'
    caption = f"<h2>{e(block['caption'])}</h2>" if block["caption"] else ""
    return f'{caption}<pre class="{kind}"><code>{e(text)}</code></pre>'


def resources(root: str, found: Any) -> str:
    """The link list, by kind."""
    parts = [f'<h1>Resources</h1><p class="lede">{len(found["resources"])} entries</p>']
    for kind in found["kinds"]:
        rows = [row for row in found["resources"] if row["kind"] == kind]
        parts.append(section(kind or "other", listed(_resource(row) for row in rows)))
    return "".join(parts)


def about(root: str, found: Any) -> str:
    """Versions, limits, how numbers are made."""
    limits = found["limits"]
    rows = [
        ("Versions", e(", ".join(f"{k} {v}" for k, v in found["versions"].items()))),
        ("Device", e(found["device"])),
        ("Jobs", f"{limits['jobs']} at a time, {limits['minutes']:g} min each, {limits['queue']} may wait"),
        ("Uploads", f"up to {limits['upload_mb']} MB, kept one hour"),
        ("Records", e(found["record_format"])),
    ]
    return f"<h1>About</h1>{facts(rows)}{section('How numbers are made', BARS)}{section('How to cite', CITE)}"
