"""Where a rising function of time first reaches zero: bracketed to the last bit.

Relies on `_jit` alone. Used by the neuron models whose crossings have no closed form.
"""

from typing import Any

from eventsim._jit import separate

# Steps of Newton's method up to this share of s no longer tell where the root is.
FEW_ULP = 2.0**-50
ULP = 2.0**-52


def make_crossing(value: Any) -> Any:
    """Return ``crossing(q, low, high)``: the first float at which f >= 0, where f = ``value(q, s)[0]``.

    ``value(q, s)`` gives (f, df/ds, …). f is below 0 at `low`, not below 0 at `high`, and rises in between. Newton's
    method with a bracket: it is cut in half where a step would leave it or does not shrink it, so rounded values of f
    that do not quite rise cannot lead astray, and the result is a float with f >= 0 whose neighbour has f < 0.
    A few steps where f is smooth; never more than three times those of bisection.
    """

    @separate
    def crossing(q: Any, low: float, high: float) -> float:
        s, width, nudge, count = low, high - low, ULP, 0
        f, slope = value(q, s)[:2]
        while True:
            middle = low + 0.5 * (high - low)
            if not low < middle < high:
                return high
            trial = middle
            if slope > 0.0:
                trial = s - f / slope
                if abs(trial - s) <= FEW_ULP * s:
                    # As close as Newton's method comes: step to the other side, further each time.
                    trial = s + nudge * s if s == low else s - nudge * s
                    nudge = 2.0 * nudge
            count += 1
            if count == 3:
                if high - low > 0.5 * width:
                    trial = middle
                count, width = 0, high - low
            if not low < trial < high:
                trial = middle
            s = trial
            f, slope = value(q, s)[:2]
            if f < 0.0:
                low = s
            else:
                high = s

    return crossing
