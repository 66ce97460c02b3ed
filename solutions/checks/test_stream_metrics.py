"""Instructor-only checks of stream_metrics."""

from itertools import accumulate

from course_lib.grading import arguments_changed, points


@points(1)
def test_no_tokens(submission):
    """Without tokens nothing can be computed: `tokens` is 0, all else is None."""
    got = submission.stream_metrics(5.0, [])
    assert got == {"tokens": 0, "ttft": None, "total": None, "gap_p50": None, "gap_p95": None}


@points(1)
def test_percentiles_are_nearest_ranks(submission):
    """A percentile is the nearest rank of the sorted gaps: one of the gaps, never a mixture of two."""
    # Multiples of 1/4 are exact in binary, so no answer depends on the order of additions.
    shuffled = [g / 4 for g in (7, 20, 3, 12, 1, 16, 9, 5, 18, 2, 14, 11, 19, 6, 10, 4, 17, 8, 15, 13)]
    for gaps, p50, p95 in (
        ([0.5], 0.5, 0.5),
        ([2.0, 0.5], 0.5, 2.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0),
        (shuffled, 2.5, 4.75),
    ):
        arrivals = list(accumulate(gaps, initial=1.0))
        got = submission.stream_metrics(0.0, arrivals)
        assert [got["gap_p50"], got["gap_p95"]] == [p50, p95]


@points(1)
def test_a_burst_counts_and_the_list_stays(submission):
    """Gaps of zero are gaps, and the list of arrivals is left as it was."""
    got = submission.stream_metrics(0.0, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    assert not arguments_changed(submission), "the list of arrivals was changed in place"
    assert got == {"tokens": 6, "ttft": 1.0, "total": 2.0, "gap_p50": 0.0, "gap_p95": 1.0}
