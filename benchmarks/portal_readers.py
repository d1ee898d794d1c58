"""The portal against its budgets: start, pages, many readers at once, ten thousand records, export, a browser.

    python benchmarks/portal_readers.py [--readers 200] [--seconds 30] [--records 10000]

One line for each bar, with what was reached; exit code 1 where one is missed. Two cores, nothing else running. Readers
are sockets in a process beside the server: their own time is in the figures. Without Chromium or `make portal` those
lines are missing.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TREE = Path(__file__).parents[1]
PATHS = ("/", "/api/map.json", "/leaf/continuum/burgers/", "/runs/", "/api/search.json", "/leaf/quantum/spins/")
CLICK = """async name => {
  const button = [...document.querySelectorAll('button')].find(b => b.textContent.trim() === name)
  const began = performance.now()
  button.click()
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
  return performance.now() - began
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


class Bars:
    """What was reached, line by line, and whether all of it is enough."""

    def __init__(self) -> None:
        self.missed = 0

    def __call__(self, what: str, value: float, most: float, unit: str, also: str = "") -> None:
        """A figure that may be at most that."""
        self.missed += not value <= most
        verdict = "met" if value <= most else "MISSED"
        print(f"{what:<46}{value:10.3g} {unit:<4} bar {most:g} {unit}: {verdict}  {also}".rstrip(), flush=True)


def many(root: Path, count: int) -> None:
    """Records of one task that differ in seed and score, as runs write them."""
    sys.path.insert(0, str(TREE / "tests"))
    from study.records import burgers

    record = json.loads(burgers().to_json())
    record["panels"] = []
    for i in range(count):
        folder = root / f"2026-11-{1 + i % 28:02d}-1200-burgers-fno-s{i}"
        folder.mkdir()
        record |= {"run": folder.name, "seed": i}
        record["scores"][0]["value"] = 0.4 + 1e-4 * i
        (folder / "record.json").write_text(json.dumps(record))


class Server:
    """A public server on a free port. printed, answered: seconds until its address and until its first page."""

    def __init__(self, runs: Path):
        began = time.perf_counter()
        command = [sys.executable, "-m", "erlangen.app.cli", "serve", "--public", "--port", "0", "--runs", str(runs)]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.child.stdout.readline() if self.child.stdout else ""
        self.port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
        self.printed = time.perf_counter() - began
        asyncio.run(once(self.port, "/"))
        self.answered = time.perf_counter() - began

    def spent(self) -> tuple[float, float]:
        """Processor seconds and memory [MB] so far."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return (int(fields[11]) + int(fields[12])) / 100, memory / 1e3

    def stop(self) -> None:
        """In order."""
        self.child.terminate()
        self.child.wait(20)


async def once(port: int, path: str) -> tuple[int, int]:
    """One request on a connection of its own: status and bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    host = f"Host: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\n{host}".encode())
    text = await reader.read()
    writer.close()
    return int(text[9:12]), len(text)


async def reading(port: int, seconds: float, spent: list[float], wrong: list[str], start_at: int) -> None:
    """One reader who keeps its connection and asks for page after page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    end, i = time.perf_counter() + seconds, start_at
    while time.perf_counter() < end:
        path, i, began = PATHS[i % len(PATHS)], i + 1, time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        spent.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 200"):
            wrong.append(f"{path}: {head[:40]!r}")
    writer.close()


async def load(port: int, readers: int, seconds: float) -> tuple[list[float], list[str]]:
    """All readers at once."""
    spent: list[float] = []
    wrong: list[str] = []
    await asyncio.gather(*(reading(port, seconds, spent, wrong, i) for i in range(readers)))
    return spent, wrong


def serving(bars: Bars, runs: Path, readers: int, seconds: float, records: int) -> None:
    """Start without an index and with one, a board over all records, all readers."""
    first = Server(runs)
    print(f"first page of a folder of {records:,} records without an index: {first.answered:.2f} s")
    first.stop()
    server = Server(runs)
    try:
        bars("start, until the address is printed", server.printed, 2.0, "s")
        also = f"{server.spent()[0]:.2f} s of processor"
        bars("start, until the first page is there", server.answered, 2.0, "s", also)
        time.sleep(3)
        ticks = []
        for i in range(20):
            tick = time.perf_counter()
            asyncio.run(once(server.port, f"/api/runs.json?task=continuum/burgers&order=score&limit={100 + i}"))
            ticks.append(time.perf_counter() - tick)
        bars(f"board over {records:,} records", statistics.median(ticks), 0.1, "s")
        before = server.spent()[0]
        spent, wrong = asyncio.run(load(server.port, readers, seconds))
        spent.sort()
        each = 1e3 * (server.spent()[0] - before) / len(spent)
        rate = f"{len(spent) / seconds:,.0f} answers/s, {each:.2f} ms of processor each"
        bars(f"{readers} readers for {seconds:g} s, p95", 1e3 * spent[int(0.95 * len(spent))], 200, "ms", rate)
        bars(f"{readers} readers for {seconds:g} s, errors", len(wrong), 0, "", "; ".join(wrong[:3]))
        print(f"memory {server.spent()[1]:.0f} MB")
    finally:
        server.stop()


def exporting(bars: Bars, folder: Path) -> None:
    """The export of the board that ships and of 200 records; every page as it is sent."""
    (runs := folder / "some").mkdir()
    many(runs, 200)
    began = time.perf_counter()
    site = folder / "site"
    subprocess.run([sys.executable, "-m", "erlangen.app.cli", "export", str(site), "--runs", str(runs)], check=True)
    bars("export of every leaf and 200 records", time.perf_counter() - began, 30, "s")
    pages = {page.parent.name: page.read_bytes() for page in site.glob("**/index.html")}
    name, text = max(pages.items(), key=lambda item: len(gzip.compress(item[1])))
    also = f"{name}, {len(text) / 1e3:.0f} kB plain"
    bars("largest page with its data, packed", len(gzip.compress(text)) / 1e3, 60, "kB", also)


def browsing(bars: Bars, runs: Path) -> None:
    """First paint and answers to clicks, in Chromium."""
    sys.path.insert(0, str(TREE / "tests"))
    from portal.browsing import chromium, has_playwright

    from erlangen.portal import bundle

    if chromium() is None or not has_playwright() or not bundle.is_built():
        print("no Chromium, no playwright or no bundle: nothing measured in a browser")
        return
    from playwright.sync_api import sync_playwright

    server = Server(runs)
    try:
        with sync_playwright() as play:
            page = play.chromium.launch(executable_path=chromium()).new_page(viewport={"width": 1440, "height": 1000})
            page.goto(f"http://127.0.0.1:{server.port}/")
            for path in ("", "leaf/quantum/spins/"):
                page.goto(f"http://127.0.0.1:{server.port}/{path}")
                page.wait_for_selector("main h1")
                page.wait_for_timeout(500)
                bars(f"first contentful paint, /{path}", page.evaluate(PAINT) / 1e3, 1.0, "s")
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.wait_for_selector("[data-cell]")
            for name in ("Error", "Scales", "Table", "Map"):
                bars(f"click on {name}", page.evaluate(CLICK, name), 100, "ms")
            page.context.browser.close()
    finally:
        server.stop()


def main() -> int:
    """Measure everything, one after the other."""
    parser = argparse.ArgumentParser(description="The portal against its budgets.")
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--records", type=int, default=10_000)
    args = parser.parse_args()
    bars = Bars()
    with tempfile.TemporaryDirectory() as name:
        (runs := Path(name) / "runs").mkdir()
        many(runs, args.records)
        serving(bars, runs, args.readers, args.seconds, args.records)
        exporting(bars, Path(name))
        browsing(bars, Path(name) / "some")
    print(f"{bars.missed} bars missed" if bars.missed else "every bar is met")
    return int(bars.missed > 0)


if __name__ == "__main__":
    sys.exit(main())
