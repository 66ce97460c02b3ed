"""Early return for short streams; the rank is counted in whole numbers."""


def stream_metrics(started: float, arrivals: list[float]) -> dict:
    numbers = {"tokens": len(arrivals), "ttft": None, "total": None, "gap_p50": None, "gap_p95": None}
    if not arrivals:
        return numbers
    numbers["ttft"] = arrivals[0] - started
    numbers["total"] = arrivals[-1] - started
    gaps = sorted(arrivals[i] - arrivals[i - 1] for i in range(1, len(arrivals)))
    if gaps:
        for name, percent in (("gap_p50", 50), ("gap_p95", 95)):
            numbers[name] = gaps[(percent * len(gaps) + 99) // 100 - 1]
    return numbers
