"""Server-sent events: hello, what happens, and after a break exactly what was missed."""

from __future__ import annotations

import asyncio
import json

from erlangen.portal.events import MOST_WAITING, Stream, written


def step(job, number):
    return job, number, {"event": "step", "job": job, "at": 0.0, "step": number}


def parsed(blocks):
    found = []
    for block in b"".join(blocks).decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in lines:
            found.append((lines.get("id"), lines["event"], json.loads(lines["data"])))
    return found


async def read(stream, job, last, replay, happens, count):
    blocks = []
    source = stream.events(job, last, [], replay)
    blocks.append(await anext(source))
    for told in happens:
        stream.tell(told)
    while len(parsed(blocks)) < count:
        blocks.append(await asyncio.wait_for(anext(source), 5))
    await source.aclose()
    return parsed(blocks)


def test_a_reader_is_told_what_happens_to_its_job():
    happens = [step("a", 0), step("b", 0), step("a", 1)]
    found = asyncio.run(read(Stream(), "a", "", lambda job, after: [], happens, 3))
    assert [(one[0], one[1]) for one in found] == [(None, "hello"), ("a:0", "step"), ("a:1", "step")]


def test_after_a_break_exactly_what_was_missed_comes_once():
    asked = []

    def replay(job, after):
        asked.append((job, after))
        return [step(job, n) for n in range(after + 1, 6)]

    happens = [step("a", 4), step("a", 5), step("a", 6)]  # 4 and 5 are in the file already
    found = asyncio.run(read(Stream(), "a", "a:2", replay, happens, 5))
    assert asked == [("a", 2)] and [one[0] for one in found] == [None, "a:3", "a:4", "a:5", "a:6"]


def test_a_reader_that_does_not_read_is_dropped_and_the_others_are_not():
    async def main():
        stream = Stream()
        slow = stream.events("", "", [], lambda job, after: [])
        await anext(slow)
        for n in range(MOST_WAITING + 5):
            stream.tell(step("a", n))
        assert len(stream) == 0
        return [block async for block in slow]

    assert len(asyncio.run(main())) == MOST_WAITING - 1


def test_what_is_written_is_one_event():
    block = written("a", 3, {"event": "said", "text": "two\nlines \u2028"})
    assert block.count(b"\n\n") == 1 and block.startswith(b"id: a:3\nevent: said\ndata: {")
