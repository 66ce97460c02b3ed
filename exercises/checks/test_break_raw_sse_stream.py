"""Visible checks of break_raw_sse_stream, and how an answer is judged.

The judge gives the learner's reads to the loop of the published client, decoded as httpx's `iter_text` decodes
them, and again with one fault repaired. Reads show a fault, and that fault only, when the published loop goes wrong
on them and the loop with this one repair does right. What is right: see `proper`. Left out: sockets, HTTP.
"""

import codecs
import json

from course_lib.grading import points
from course_lib.wire.sse import SSEDecoder

EXERCISE = {
    "lesson": "04_incremental_parsing",
    "title": "Break the published Python client",
    "kind": "break",
    "difficulty": 3,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 04, 'Spot the bug'",
    "hints": [
        "Half of this list is the list of lesson 03. Start from reads that the loop handles well, "
        'such as `[b"data: 1\\n\\n", b"data: 2\\n\\n"]`, and change one thing.',
        'What does `{"error": "bad key"}` look like to this loop? It has no line that starts with `data: `, '
        "and no blank line. And which lines of an event does the loop look at, besides `data: `?",
        "Which line of the code could ever see a status? None: so the whole body of the 401 answer, plain JSON, is the "
        "answer for `error_status_body`. For `error_event` send one good event, then a block of two lines, "
        "`event: error` and `data: ...`, both with a space and LF.",
    ],
    "after": "None of these six makes the loop complain. It yields nothing, or half, or an error message that looks "
    "like a token: the reader sees an empty or odd answer and nobody is told. Cuts are the one thing that this loop "
    "gets right, because `iter_text` carries half a character and `buffer` carries half an event. That is why a cut "
    "inside a character is refused here: it is no fault of this code. (Its JavaScript sister carries neither.)",
}

Outcome = dict  # {"yielded": list[str], "ends": "normally" or "with an error"}
STATUS = {"error_status_body": 401}


class StreamError(Exception):
    """What a proper client raises for a status other than 200 and for an `error` event."""


def published(reads: list, status: int, repaired: str = ""):
    """The loop as it was published; `repaired` names the one fault that is mended."""
    if repaired == "error_status_body" and status != 200:
        raise StreamError
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    buffer = ""
    for read in reads:
        buffer += decoder.decode(read)
        if repaired == "crlf":
            buffer = buffer.replace("\r\n", "\n")
        while "\n\n" in buffer:
            block, buffer = buffer.split("\n\n", 1)
            lines = block.split("\n")
            if repaired == "error_event" and "event: error" in lines:
                raise StreamError
            prefix = "data:" if repaired == "no_space" else "data: "
            found = [line.removeprefix("data:").removeprefix(" ") for line in lines if line.startswith(prefix)]
            if repaired == "multi_line" and found:
                found = ["\n".join(found)]
            for payload in found:
                if payload != "[DONE]":
                    yield payload
                elif repaired == "after_done":
                    return


def proper(reads: list, status: int):
    """What a client should do: the data of each event up to `[DONE]`, an error for a bad status or an `error` event."""
    if status != 200:
        raise StreamError
    for event in SSEDecoder().feed(b"".join(reads)):
        if event.data == "[DONE]":
            return
        if event.event == "error":
            raise StreamError
        yield event.data


def outcome(client, *arguments) -> Outcome:
    yielded: list[str] = []
    try:
        for payload in client(*arguments):
            yielded.append(payload)  # one by one: what came before an error counts
    except StreamError:
        return {"yielded": yielded, "ends": "with an error"}
    return {"yielded": yielded, "ends": "normally"}


def refusal(answers: dict, fault: str) -> str:
    """Why the reads for `fault` are not accepted; empty when they are."""
    if fault not in answers or answers[fault] == []:
        return f"no reads for {fault!r} yet: expected a list of bytes with at least one item"
    reads = answers[fault]
    if not isinstance(reads, list):
        return f"the answer for {fault!r} is no list: expected a list of bytes with at least one item"
    for number, read in enumerate(reads):
        if not isinstance(read, bytes):
            kind = type(read).__name__
            return f"item {number} of the reads for {fault!r} is {kind}, expected bytes"
    if len(b"".join(reads)) > 10_000:
        return f"the reads for {fault!r} hold more than 10,000 bytes: make them small"
    if problem := _cut_character(reads):
        return problem
    status = STATUS.get(fault, 200)
    if fault == "error_status_body" and not _is_json_object(b"".join(reads)):
        return f"{b''.join(reads)!r} is not the JSON body of an error answer: expected one JSON object"
    right, got = outcome(proper, reads, status), outcome(published, reads, status)
    if got == right:
        return f"the published loop does right on {reads!r} ({right}), so it shows no fault"
    if fault == "error_status_body" and got["yielded"]:
        return f"{reads!r} comes out as {got['yielded']}: expected a body that comes out as nothing at all"
    mended = outcome(published, reads, status, fault)
    if mended != right:
        return f"{reads!r} shows more than {fault!r}: with that fault repaired it gives {mended}, expected {right}"
    return ""


def _cut_character(reads: list) -> str:
    """Cuts inside a character are no fault of this loop, and bytes that are not UTF-8 are none of its six."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for read in reads:
            decoder.decode(read)
            if decoder.getstate()[0]:
                return (
                    f"the read {read!r} ends inside a character: that shows nothing, because `iter_text` decodes "
                    "incrementally and carries the half character over"
                )
    except UnicodeDecodeError:
        return f"{b''.join(reads)!r} is not UTF-8: the loop and the standard both put U+FFFD there"
    return ""


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


class Words(str):
    """Text that stands in a verdict as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def judge(submission, fault: str) -> None:
    """A verdict that shows the reads for this fault only, not those for the other five."""
    answers = submission.break_raw_sse_stream()
    problem = refusal(answers, fault)
    if problem:
        assert answers.get(fault, Words("nothing")) == Words(f"reads that show {fault!r}, and only that"), problem


@points(1)
def test_shows_crlf(submission):
    """`crlf`: a stream with CRLF line ends comes out as nothing."""
    judge(submission, "crlf")


@points(1)
def test_shows_the_missing_space(submission):
    """`no_space`: a value without a space after the colon is lost."""
    judge(submission, "no_space")
