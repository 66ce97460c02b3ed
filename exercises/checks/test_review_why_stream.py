"""Visible checks of review_why_stream."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "01_why_stream",
    "title": "Twelve claims about streaming",
    "kind": "review",
    "difficulty": 1,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 01, from 'What the four runs say' on",
    "hints": [
        "The runs of the lesson decided four of the twelve: look at the table of the four lanes again.",
        "A format of the body, a framing of the body and a protocol of its own are three kinds of thing.",
        "What is perceived is not the total. And one number never tells the whole story of a stream.",
    ],
    "after": (
        "Most of these claims are half true, which is why they spread. "
        "The first word does come earlier; the last one does not. "
        "SSE does dominate; it is still only a format of the body, "
        "and on HTTP/1.1 it normally travels inside chunked coding. "
        "When a claim about a stream sounds plausible, ask which of the five numbers it is about, and measure that one."
    ),
}

TRUTH = {"shorter_total": False, "earlier_first": True, "text_is_live": False}
OTHERS = ["median_gap", "collected", "only_first", "one_by_one", "less_work", "beyond_reading"]
OTHERS += ["same_kind", "sse_in_chunks", "no_websocket"]


@points(1)
def test_the_three_claims_that_the_runs_decide(submission):
    """Twelve codes have a verdict; those that the runs decide are right: shorter_total, earlier_first, text_is_live."""
    verdicts = submission.review_why_stream()
    assert isinstance(verdicts, dict), "a dict from code to True or False is wanted"
    assert [code for code in [*TRUTH, *OTHERS] if code not in verdicts] == [], "these codes have no verdict yet"
    no_bools = {code: value for code, value in verdicts.items() if repr(value) not in ("True", "False")}
    assert no_bools == {}, "True or False is wanted, nothing else"
    assert [code for code in TRUTH if verdicts.get(code) != TRUTH[code]] == [], "these codes are judged wrongly"
