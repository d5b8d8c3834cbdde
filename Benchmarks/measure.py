"""Timing shared by the peers."""

import sys
import time
from statistics import median


def microseconds(call, seconds: float) -> float:
    """The median duration of a call in microseconds, after some that are not counted."""
    clock = time.perf_counter_ns
    end = clock() + seconds * 3e8
    warm = 0
    while warm < 2 or clock() < end:
        call()
        warm += 1
    samples = []
    end = clock() + seconds * 1e9
    while len(samples) < 5 or clock() < end:
        start = clock()
        call()
        samples.append(clock() - start)
    return median(samples) / 1e3


def report(case, value: float) -> None:
    print(f"{case.name}\t{value}", flush=True)
    print(f"  {case.name}: {value:.1f} µs", file=sys.stderr)
