"""The numbers that describe one stream: time to first token, total, gaps; and how it ended.

Rule: pure arithmetic on arrival times that all come from one monotonic clock; what cannot be computed is None.
Left out: rates and averages (an average gap hides the stall that people notice), and reading the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from course_lib.endings import Ending


@dataclass(frozen=True, slots=True)
class StreamMetrics:
    """Metrics of one stream, times in seconds, None where they cannot be computed.

    tokens   number of arrivals
    ttft     time to first token: first arrival minus start of the request, as LLM serving benchmarks take it
             (NVIDIA NIM benchmarking guide, "Metrics": from query submission to the first received token)
    total    last arrival minus start ("end-to-end request latency" in the same guide)
    gap_p50  median of the gaps between neighbouring arrivals (there: "inter-token latency", averaged;
             here each gap counts for itself), by nearest rank
    gap_p95  95th percentile of the gaps, by nearest rank
    ending   one of the five of `course_lib.endings`; None when nobody has told
    """

    tokens: int
    ttft: float | None
    total: float | None
    gap_p50: float | None
    gap_p95: float | None
    ending: Ending | None = None

    def __str__(self) -> str:
        return self._numbers() + (f", {self.ending}" if self.ending else "")

    def _numbers(self) -> str:
        if self.ttft is None or self.total is None:
            return "no tokens"
        line = f"{self.tokens} token{'s' * (self.tokens != 1)}: first after {self.ttft:.3f} s, total {self.total:.3f} s"
        if self.gap_p50 is None or self.gap_p95 is None:
            return line
        return f"{line}, gaps {self.gap_p50:.3f} s (median) and {self.gap_p95:.3f} s (95 %)"


def summarise(started: float, arrivals: Sequence[float], ending: Ending | None = None) -> StreamMetrics:
    """Metrics of a stream whose request began at `started` and whose tokens came at `arrivals` (seconds, in order).

    ending: what `endings.EndingReader.close` said of it. Compare only what ended alike: a truncated answer is fast.
    """
    if not arrivals:
        return StreamMetrics(0, None, None, None, None, ending)
    gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
    return StreamMetrics(
        tokens=len(arrivals),
        ttft=arrivals[0] - started,
        total=arrivals[-1] - started,
        gap_p50=nearest_rank(gaps, 50),
        gap_p95=nearest_rank(gaps, 95),
        ending=ending,
    )


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """The value at position ceil(percent/100 * n), counted from 1, of n ordered values; None when there are none.

    Definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996): always one of the values,
    never between two. Counted in whole numbers, since 0.95 * n can come out above the rank it should hit.
    """
    rank = -(-percent * len(ordered) // 100)
    return ordered[rank - 1] if ordered else None
