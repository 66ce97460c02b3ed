"""Instructor-only checks of break_seed_parser.

Rule: a stream shows a fault, and that fault only, when the published answer gets it wrong, the version with this one
repair gets it right, and no version with another single repair does. So no stream is accepted under two names, and a
stream that shows several faults at once is accepted under none.
"""

import json
import re

from course_lib.grading import points
from course_lib.wire.sse import SSEDecoder

FAULTS = ("no_space", "bare_cr", "multi_line", "byte_order_mark", "after_done", "unfinished", "bad_json")


def published(stream, repaired=""):
    """The answer as it was published; `repaired` names the one fault that is mended."""
    if repaired == "byte_order_mark":
        stream = stream.removeprefix("\ufeff")
    if repaired == "bare_cr":
        stream = re.sub(r"\r(?!\n)", "\n", stream)
    blocks = stream.split("\n\n")
    if repaired == "unfinished":
        blocks.pop()
    messages = []
    prefix = "data:" if repaired == "no_space" else "data: "
    for block in blocks:
        lines = [line for line in block.strip().split("\n") if line.startswith(prefix)]
        payloads = [line.removeprefix("data:").removeprefix(" ") for line in lines]
        if repaired == "multi_line" and payloads:
            payloads = ["\n".join(payloads)]
        for payload in payloads:
            if payload == "[DONE]":
                if repaired == "after_done":
                    return messages
                continue
            try:
                messages.append(json.loads(payload))
            except json.JSONDecodeError:
                if repaired == "bad_json":
                    raise
    return messages


def standard(stream):
    """What parse_sse_stream has to return."""
    values = []
    for event in SSEDecoder().feed(stream.encode()):
        if event.data == "[DONE]":
            break
        values.append(json.loads(event.data))
    return values


def outcome(parse, *arguments):
    try:
        return json.dumps(parse(*arguments))
    except (ValueError, RecursionError) as error:
        return "ValueError" if isinstance(error, ValueError) else type(error).__name__


def refusal(streams, fault):
    """Why the stream for `fault` is not accepted; empty when it is."""
    stream = streams.get(fault)
    if not isinstance(stream, str):
        return f"no stream for {fault!r}: expected a str under this name"
    if len(stream) > 10_000 or any("\ud800" <= character <= "\udfff" for character in stream):
        return f"the stream for {fault!r} must be text of at most 10,000 characters that UTF-8 can carry"
    right = outcome(standard, stream)
    if outcome(published, stream) == right:
        return f"the published answer reads the stream for {fault!r} correctly"
    mending = [name for name in FAULTS if outcome(published, stream, name) == right]
    if fault not in mending:
        return f"the stream for {fault!r} shows more than that: with this one fault repaired it is still read wrongly"
    if mending != [fault]:
        others = ", ".join(name for name in mending if name != fault)
        return f"the stream for {fault!r} shows {others} as well: repairing that one is also enough"
    return ""


def accepted(submission, fault):
    problem = refusal(submission.break_seed_parser(), fault)
    assert not problem, problem


@points(1)
def test_shows_the_bare_cr(submission):
    """`bare_cr`: a CR alone ends no line."""
    accepted(submission, "bare_cr")


@points(1)
def test_shows_the_several_lines(submission):
    """`multi_line`: each `data` line is taken for a payload of its own."""
    accepted(submission, "multi_line")


@points(1)
def test_shows_the_byte_order_mark(submission):
    """`byte_order_mark`: a mark at the start hides the first field."""
    accepted(submission, "byte_order_mark")


@points(1)
def test_shows_what_comes_after_done(submission):
    """`after_done`: `[DONE]` is skipped, and the stream goes on."""
    accepted(submission, "after_done")


@points(1)
def test_shows_the_unfinished_event(submission):
    """`unfinished`: an event that was cut off is taken for a whole one."""
    accepted(submission, "unfinished")
