"""Visible checks of stream_metrics."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "01_why_stream",
    "title": "The five numbers of a stream",
    "kind": "value",
    "difficulty": 1,
    "easy": True,
    "stretch": False,
    "uses": [],
    "read": "lesson 01, 'Five numbers for one stream'",
    "hints": [
        "Which of the five numbers need at least one token, and which need at least two?",
        "`zip(arrivals, arrivals[1:])` pairs every token with the one after it: their differences are the gaps.",
        "The nearest rank of `g` sorted gaps is the element at index `math.ceil(p * g) - 1`, for `p` 0.5 and 0.95.",
    ],
    "after": (
        "The five numbers belong together. A proxy that collects tokens and passes them on in bursts makes the median "
        "gap smaller, because most gaps shrink to nothing, while the first token comes later. "
        "In one load test through such a proxy the first token went from 22 to 287 ms while the gap 'improved' "
        "from 5.5 to 1.6 ms, as reported in confidential-dot-ai/c8s issue 140. "
        "Whoever watches one number only, watches the wrong one."
    ),
}


@points(1)
def test_an_even_stream(submission):
    """Tokens, time to first token, total and both percentiles of the gaps, of an even stream and of uneven ones."""
    got = submission.stream_metrics(0.0, [0.5, 0.75, 1.0, 1.25])
    assert got == {"tokens": 4, "ttft": 0.5, "total": 1.25, "gap_p50": 0.25, "gap_p95": 0.25}
    got = submission.stream_metrics(0.0, [0.5, 1.0, 1.25, 2.25, 3.0])
    expected = {"tokens": 5, "ttft": 0.5, "total": 3.0, "gap_p50": 0.5, "gap_p95": 1.0}
    assert got == expected, "of the sorted gaps 0.25, 0.5, 0.75, 1.0 p50 is the one at position 2, p95 at position 4"
    one_pause = [0.5 + 0.25 * n for n in range(10)] + [8.0 + 0.25 * n for n in range(11)]
    got = submission.stream_metrics(0.0, one_pause)
    expected = {"tokens": 21, "ttft": 0.5, "total": 10.5, "gap_p50": 0.25, "gap_p95": 0.25}
    assert got == expected, "19 gaps of 0.25 and one of 5.25: p95 is the one at position 19 of the 20 sorted gaps"


@points(1)
def test_one_token_has_no_gaps(submission):
    """With one token there are no gaps: both percentiles are None."""
    got = submission.stream_metrics(0.0, [0.5])
    assert got == {"tokens": 1, "ttft": 0.5, "total": 0.5, "gap_p50": None, "gap_p95": None}


@points(1)
def test_started_is_far_from_zero(submission):
    """`ttft` and `total` count from `started`, whatever the clock shows at that moment."""
    got = submission.stream_metrics(1000.0, [1000.5, 1000.75, 1001.0])
    assert got == {"tokens": 3, "ttft": 0.5, "total": 1.0, "gap_p50": 0.25, "gap_p95": 0.25}
