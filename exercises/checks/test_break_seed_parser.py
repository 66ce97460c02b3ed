"""Visible checks of break_seed_parser, and how a stream is judged.

The judge runs the published answer on the learner's stream, and again with one fault repaired. A stream shows a fault,
and that fault only, when the published answer gets it wrong and the version with this one repair gets it right. The
instructor's checks also ask that no other single repair does.
"""

import json

from course_lib.grading import points
from course_lib.wire.sse import SSEDecoder

EXERCISE = {
    "lesson": "03_sse_format",
    "title": "Break the published parser",
    "kind": "break",
    "difficulty": 2,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 03, 'Spot the bug'",
    "hints": [
        "The checks of `parse_sse_stream` that your first attempt failed are the list of faults. "
        "Turn each of them into the smallest stream.",
        "Start from a stream that the published answer reads correctly, such as two events with numbers, and change "
        "one thing. Keep JSON valid and blank lines complete unless that is the fault you want to show.",
        "Think of what `except: pass` and `strip()` hide: a CR at the very end is stripped away, so a bare CR has to "
        "stand between two lines; a payload that breaks when it is read line by line vanishes without an error. A "
        "stream for `after_done` has to finish its last event, or it shows `unfinished` as well.",
    ],
    "after": "Seven faults in a dozen lines, and the test that came with the code passes. It has only one shape of "
    "event: one `data` line, one space, LF, finished. CRLF is missing from the list because the code survives it by "
    "luck: `split('\\n')` leaves a CR at the end of each line, and JSON allows white space there. Repair `multi_line` "
    "alone and the luck is over, because blank lines are still found by `\\n\\n`.",
}

Outcome = str  # JSON text of the result (types and all), or the name of the exception


def published(stream: str, repaired: str = "") -> list:
    """The answer as it was published; `repaired` names the one fault that is mended."""
    messages = []
    for block in stream.split("\n\n"):
        for line in block.strip().split("\n"):
            prefix = "data:" if repaired == "no_space" else "data: "
            if not line.startswith(prefix):
                continue
            payload = line.removeprefix("data:").removeprefix(" ")
            if payload == "[DONE]":
                continue
            try:
                messages.append(json.loads(payload))
            except json.JSONDecodeError:
                if repaired == "bad_json":
                    raise
    return messages


def standard(stream: str) -> list:
    """What parse_sse_stream has to return."""
    values = []
    for event in SSEDecoder().feed(stream.encode()):
        if event.data == "[DONE]":
            break
        values.append(json.loads(event.data))
    return values


def outcome(parse, *arguments) -> Outcome:
    try:
        return json.dumps(parse(*arguments))
    except (ValueError, RecursionError) as error:
        return "ValueError" if isinstance(error, ValueError) else type(error).__name__


def refusal(streams: dict, fault: str) -> str:
    """Why the stream for `fault` is not accepted; empty when it is."""
    stream = streams.get(fault)
    if not isinstance(stream, str):
        return f"no stream for {fault!r} yet: expected a str under this name"
    if len(stream) > 10_000 or any("\ud800" <= character <= "\udfff" for character in stream):
        return f"the stream for {fault!r} must be text of at most 10,000 characters that UTF-8 can carry"
    right = outcome(standard, stream)
    if outcome(published, stream) == right:
        return f"the published answer reads {stream!r} correctly ({right}), so it shows no fault"
    mended = outcome(published, stream, fault)
    if mended != right:
        return f"{stream!r} shows more than {fault!r}: with that fault repaired it gives {mended}, expected {right}"
    return ""


@points(1)
def test_shows_the_missing_space(submission):
    """`no_space`: a value without a space after the colon is lost."""
    problem = refusal(submission.break_seed_parser(), "no_space")
    assert not problem, problem


@points(1)
def test_shows_bad_json(submission):
    """`bad_json`: a payload that is not JSON disappears without an error."""
    problem = refusal(submission.break_seed_parser(), "bad_json")
    assert not problem, problem
