"""Speed of the event-stream decoder against the Python libraries that people use, and against plain splitting.

Rule: ratios only. All candidates of a row run in turn, several rounds over, and the best time of each counts, so that
other load on the machine hits all alike. Every candidate counts the same events; a wrong count is an error.
Left out: what happens to the payload. Run it with `python -m bench.wire`.
"""

import codecs
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import anthropic._streaming
import httpx_sse._decoders
import openai._streaming
import sseclient

from course_lib.wire.sse import SSEDecoder

Row = dict[str, Any]
MEGABYTE = 1_000_000


def rows(*, quick: bool = False) -> list[Row]:
    """One row for each decoder figure: what, ours, peer, ratio, reach (text), ok. quick: a tenth of the bytes."""
    rounds = 3 if quick else 5
    stream, events = openai_stream(2 * MEGABYTE if quick else 20 * MEGABYTE)
    return [
        *_large_reads(cut(stream, 16_384), events, rounds),
        *_small_reads(about_200_bytes(stream), events, rounds),
        *_growing_events(MEGABYTE if quick else 8 * MEGABYTE, rounds),
    ]


def _large_reads(reads: list[bytes], events: int, rounds: int) -> list[Row]:
    best = race({"ours": ours, "httpx-sse": httpx_events, "split": split_floor}, reads, rounds, events)
    what = "SSE decoder, OpenAI-style events, 16 KiB reads"
    return [
        faster(f"{what}, against httpx-sse", best["ours"], best["httpx-sse"], 2.5),
        faster(f'{what}, against b"".join(reads).split', best["ours"], best["split"], 0.8),
    ]


def _small_reads(reads: list[bytes], events: int, rounds: int) -> list[Row]:
    peers = {
        "httpx-sse": httpx_events,
        "openai": openai_events,
        "anthropic": anthropic_events,
        "sseclient-py": sseclient_events,
    }
    best = race({"ours": ours, **peers}, reads, rounds, events)
    fastest = min(peers, key=lambda name: best[name])
    what = f"SSE decoder, the same in 200-byte reads, against the fastest peer ({fastest})"
    return [faster(what, best["ours"], best[fastest], 1.4)]


def _growing_events(size: int, rounds: int) -> list[Row]:
    shapes: dict[str, tuple[Callable[[int], bytes], int]] = {
        "one line, 1 KiB reads": (lambda n: b"data: " + b"x" * n + b"\n\n", 1024),
        "short data lines, 1 KiB reads": (lambda n: b"data: 12345678\n" * (n // 15) + b"\n", 1024),
        # Between 0.25 and 0.5 MB the list of reads outgrows a processor cache; both sizes lie above that.
        "one line, byte by byte": (lambda n: b"data: " + b"x" * (n // 8) + b"\n\n", 1),
    }
    found = []
    for shape, (make, read) in shapes.items():
        whole, half = cut(make(size), read), cut(make(size // 2), read)
        candidates = {
            "whole": lambda _, reads=whole: ours(reads, 2 * size),
            "half": lambda _, reads=half: ours(reads, size),
        }
        best = race(candidates, [], 2 * rounds, 1)
        ratio = best["whole"] / best["half"]
        what = f"SSE decoder, one event twice as large, {shape}"
        found.append(row(what, best["whole"], best["half"], ratio, "2.2 at most", ratio <= 2.2))
    return found


def race(candidates: dict[str, Callable[..., int]], reads: list[bytes], rounds: int, events: int) -> dict[str, float]:
    """Best time of each candidate in seconds of processor time, run in turn."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, count_events in candidates.items():
            gc.collect()
            started = time.process_time()
            counted = count_events(reads)
            best[name] = min(best[name], time.process_time() - started)
            if counted != events:
                raise AssertionError(f"{name} counted {counted} events, expected {events}")
    return best


def faster(what: str, ours: float, peer: float, reach: float) -> Row:
    ratio = peer / ours
    return row(what, ours, peer, ratio, f"{reach} x or better", ratio >= reach)


def row(what: str, ours: float, peer: float, ratio: float, reach: str, ok: bool) -> Row:
    times = {"ours": f"{ours * 1e3:.1f} ms", "peer": f"{peer * 1e3:.1f} ms"}
    return {"what": what, **times, "ratio": f"{ratio:.2f}", "reach": reach, "ok": ok}


def ours(reads: list[bytes], limit: int = MEGABYTE) -> int:
    decoder = SSEDecoder(limit)
    return sum(len(decoder.feed(data)) for data in reads)


def split_floor(reads: list[bytes]) -> int:
    return len(b"".join(reads).split(b"\n\n")) - 1


def httpx_events(reads: list[bytes]) -> int:
    text = codecs.getincrementaldecoder("utf-8")()
    lines, decoder = httpx_sse._decoders.SSELineDecoder(), httpx_sse._decoders.SSEDecoder()
    return sum(decoder.decode(line) is not None for data in reads for line in lines.decode(text.decode(data)))


def openai_events(reads: list[bytes]) -> int:
    return count(openai._streaming.SSEDecoder().iter_bytes(iter(reads)))


def anthropic_events(reads: list[bytes]) -> int:
    return count(anthropic._streaming.SSEDecoder().iter_bytes(iter(reads)))


def sseclient_events(reads: list[bytes]) -> int:
    return count(sseclient.SSEClient(reads).events())


def count(events: Iterable[object]) -> int:
    return sum(1 for _ in events)


def openai_stream(size: int) -> tuple[bytes, int]:
    """About `size` bytes of chat completion chunks as the provider sends them, and how many events they are."""
    chooser, events, total = random.Random(0), [], 0
    while total < size:
        chunk = {
            "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
            "object": "chat.completion.chunk",
            "created": 1_741_570_283,
            "model": "gpt-4o-mini-2024-07-18",
            "service_tier": "default",
            "system_fingerprint": "fp_06737a9306",
            "choices": [{"index": 0, "delta": {"content": f" word{total}"}, "logprobs": None, "finish_reason": None}],
            "obfuscation": "x" * chooser.randint(0, 60),
        }
        events.append(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")
        total += len(events[-1])
    return b"".join(events), len(events)


def cut(stream: bytes, size: int) -> list[bytes]:
    return [stream[start : start + size] for start in range(0, len(stream), size)]


def about_200_bytes(stream: bytes) -> list[bytes]:
    chooser, reads, start = random.Random(1), [], 0
    while start < len(stream):
        end = start + chooser.randint(150, 250)
        reads.append(stream[start:end])
        start = end
    return reads


def main() -> None:
    for line in rows(quick="--quick" in sys.argv):
        mark = "ok    " if line["ok"] else "MISSED"
        print(f"{mark} {line['ours']:>10} {line['peer']:>10} {line['ratio']:>6} ({line['reach']})  {line['what']}")


if __name__ == "__main__":
    main()
