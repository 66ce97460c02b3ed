"""Metrics of a stream against values worked out by hand."""

import pytest

from course_lib.metrics import StreamMetrics, nearest_rank, summarise


def test_an_even_stream_far_from_zero() -> None:
    metrics = summarise(1000.0, [1000.5, 1000.75, 1001.0])
    assert metrics == StreamMetrics(tokens=3, ttft=0.5, total=1.0, gap_p50=0.25, gap_p95=0.25)


def test_what_cannot_be_computed_is_none() -> None:
    assert summarise(5.0, []) == StreamMetrics(0, None, None, None, None)
    assert summarise(5.0, [5.5]) == StreamMetrics(1, 0.5, 0.5, None, None)


def test_a_burst_gives_gaps_of_zero_that_count() -> None:
    assert summarise(0.0, [1.0, 1.0, 1.0, 4.0]).gap_p50 == 0.0
    assert summarise(0.0, [1.0, 1.0, 1.0, 4.0]).gap_p95 == 3.0


@pytest.mark.parametrize(
    ("n", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (3, 2, 3), (19, 10, 19), (20, 10, 19), (100, 50, 95)]
)
def test_percentiles_are_nearest_ranks(n: int, p50: int, p95: int) -> None:
    values = [float(i) for i in range(1, n + 1)]
    assert (nearest_rank(values, 50), nearest_rank(values, 95)) == (p50, p95)


def test_arrivals_are_left_alone() -> None:
    arrivals = [1.0, 3.0, 2.0]
    summarise(0.0, arrivals)
    assert arrivals == [1.0, 3.0, 2.0]


def test_metrics_print_as_one_line() -> None:
    assert str(summarise(0.0, [0.05, 0.1, 0.16])) == (
        "3 tokens: first after 0.050 s, total 0.160 s, gaps 0.050 s (median) and 0.060 s (95 %)"
    )
    assert str(summarise(0.0, [0.5])) == "1 token: first after 0.500 s, total 0.500 s"
    assert str(summarise(0.0, [])) == "no tokens"


def test_the_ending_is_named_when_it_is_told() -> None:
    assert summarise(0.0, [0.5]).ending is None
    assert summarise(0.0, [0.5], "length").ending == "length"
    assert str(summarise(0.0, [0.5], "truncated")) == "1 token: first after 0.500 s, total 0.500 s, truncated"
    assert str(summarise(0.0, [], "error")) == "no tokens, error"
