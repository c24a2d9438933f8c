"""Times in short: the first, the median, the 95th and 99th percentile, the last.

Relies on numpy. Used by reports of latency.
"""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
PERCENTILES = (0.0, 50.0, 95.0, 99.0, 100.0)


class Spread(NamedTuple):
    """Some of the order statistics of times; percentiles lie between two times in proportion, as numpy has them."""

    first: float
    median: float
    p95: float
    p99: float
    last: float

    @classmethod
    def of(cls, times: Array) -> "Spread | None":
        """Return those of times, (n,); None where there is none."""
        return cls(*np.percentile(times, PERCENTILES).tolist()) if len(times) else None
