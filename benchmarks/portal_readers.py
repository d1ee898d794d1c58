"""The portal under load: start, first answers, many readers at once, a board over ten thousand records.

    python benchmarks/portal_readers.py [READERS] [SECONDS] [RECORDS]

Bars (two cores, nothing else running): start <= 2 s, 200 readers for 30 s without an error and p95 <= 200 ms, a board
over 10,000 records <= 0.1 s. Readers are sockets in a process beside the server: their own time is in the figures.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATHS = ("/", "/api/map.json", "/leaf/continuum/burgers/", "/runs/", "/api/search.json", "/leaf/quantum/spins/")


def many(root: Path, count: int) -> None:
    """Records of one task that differ in seed and score, as runs write them."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from study.records import burgers

    record = json.loads(burgers().to_json())
    record["panels"] = []
    for i in range(count):
        folder = root / f"2026-11-{1 + i % 28:02d}-1200-burgers-fno-s{i}"
        folder.mkdir()
        record |= {"run": folder.name, "seed": i}
        record["scores"][0]["value"] = 0.4 + 1e-4 * i
        (folder / "record.json").write_text(json.dumps(record))


def start(runs: Path) -> tuple[subprocess.Popen[str], int, float]:
    """A public server on a free port, and the seconds until it says so."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "erlangen.app.cli", "serve", "--public", "--port", "0", "--runs", str(runs)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = child.stdout.readline() if child.stdout else ""
    port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
    return child, port, time.perf_counter() - began


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


def main(readers: int = 200, seconds: float = 30.0, records: int = 10_000) -> None:
    """Start, measure, stop; one line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        runs.mkdir()
        many(runs, records)
        child, port, began = start(runs)
        try:
            print(f"start            {began:.2f} s until the address is printed (bar: 2 s)")
            for path in ("/", "/leaf/continuum/burgers/", "/runs/", "/api/runs.json?limit=100"):
                tick = time.perf_counter()
                status, size = asyncio.run(once(port, path))
                print(f"first {path:<28} {status} {time.perf_counter() - tick:.3f} s {size / 1e3:.0f} kB")
            time.sleep(3)
            ticks = []
            for i in range(20):
                tick = time.perf_counter()
                asyncio.run(once(port, f"/api/runs.json?task=continuum/burgers&order=score&limit={100 + i}"))
                ticks.append(time.perf_counter() - tick)
            print(f"board            {statistics.median(ticks):.3f} s over {records:,} records (bar: 0.1 s)")
            spent, wrong = asyncio.run(load(port, readers, seconds))
            spent.sort()
            p95, middle = spent[int(0.95 * len(spent))], spent[len(spent) // 2]
            print(
                f"{readers} readers      {len(spent) / seconds:,.0f} answers/s, median {1e3 * middle:.0f} ms, ", end=""
            )
            print(f"p95 {1e3 * p95:.0f} ms (bar: 200 ms), {len(wrong)} errors (bar: 0)")
            for line in wrong[:3]:
                print(f"  {line}")
            for status_line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
                if status_line.startswith("VmRSS"):
                    print(f"memory           {int(status_line.split()[1]) / 1e3:.0f} MB")
        finally:
            child.terminate()
            child.wait(20)


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float, int), sys.argv[1:])))
