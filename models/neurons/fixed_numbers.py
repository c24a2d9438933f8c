"""Numbers of a digital chip, carried in float64: rounding, ranges, and a register that adds one number many times.

Relies on `_jit` and on the names of the rules. Used by `fixed_ramps`. All numbers are multiples of a quantum, a power
of two, and below 2^53 of them, so that sums and products are exact. What is added k times is worked out at once:
nothing here loops over ticks.
"""

import math
from typing import Any

from eventsim._jit import jitable
from eventsim.rounding import REGISTER_RULES

# Rules by their places in `eventsim.rounding.REGISTER_RULES`.
HALF_EVEN, FLOOR, HALF_UP, TOWARD_ZERO = (
    float(REGISTER_RULES.index(rule)) for rule in ("half_even", "floor", "half_up", "toward_zero")
)
# Products of 32 bits are made of digits of 20, so that they stay below 2^53.
DIGIT = 2.0**20


@jitable
def rounded(x: Any, quantum: Any, rounding: Any) -> Any:
    """The multiple of the quantum to which x is rounded."""
    scaled = x / quantum
    below = float(math.floor(scaled))
    left = scaled - below
    up = False
    if rounding == HALF_EVEN:
        up = left > 0.5 or (left == 0.5 and below != 2.0 * float(math.floor(below * 0.5)))
    elif rounding == HALF_UP:
        up = left >= 0.5
    elif rounding == TOWARD_ZERO:
        up = left > 0.0 and scaled < 0.0
    return (below + 1.0 if up else below) * quantum


@jitable
def times(a: Any, b: Any) -> Any:
    """How often b > 0 goes into a >= 0: the quotient rounds, the products do not."""
    whole = float(math.floor(a / b))
    if whole * b > a:
        return whole - 1.0
    if (whole + 1.0) * b <= a:
        return whole + 1.0
    return whole


@jitable
def wrapped(x: Any, low: Any, span: Any) -> Any:
    """The number of the range low <= . < low + span (a power of two) that differs from x by a multiple of span."""
    return x - span * float(math.floor((x - low) / span))


@jitable
def plus(x: Any, step: Any, low: Any, high: Any, span: Any) -> tuple[Any, Any]:
    """(x + step in the range low..high, whether the sum had left it): wrapped where span > 0, else saturated."""
    total = x + step
    if low <= total <= high:
        return total, 0.0
    if span > 0.0:
        return wrapped(total, low, span), 1.0
    return (high if total > high else low), 1.0


@jitable
def plus_often(x: Any, step: Any, k: Any, low: Any, high: Any, span: Any) -> tuple[Any, Any]:
    """(x after k additions of step, how many of them left the range)."""
    if step == 0.0 or k <= 0.0:
        return x, 0.0
    up = step > 0.0
    room = high - x if up else x - low
    size = step if up else -step
    inside = times(room, size)
    if k <= inside:
        return x + k * step, 0.0
    if span == 0.0:
        return (high if up else low), k - inside
    # From the end that it comes from: downwards is upwards in the mirror.
    start = x - low if up else high - x
    laps, end = laps_of(start, size, k, span)
    return (low + end if up else high - end), (laps if size < span else k)


@jitable
def laps_of(start: Any, size: Any, k: Any, span: Any) -> tuple[Any, Any]:
    """(how often start + k size goes round, where it ends), for a size of less than span; else where it ends alone."""
    step = size - times(size, span) * span
    digits = float(math.floor(k / (DIGIT * DIGIT)))
    left = k - digits * (DIGIT * DIGIT)
    middle = float(math.floor(left / DIGIT))
    laps, place = 0.0, 0.0
    for digit in (digits, middle, left - middle * DIGIT):
        total = place * DIGIT + digit * step
        over = float(math.floor(total / span))
        laps, place = laps * DIGIT + over, total - over * span
    place = start + place
    if place >= span:
        return laps + 1.0, place - span
    return laps, place


@jitable
def level_of(step: int, span: int, low: int, high: int, depth: int) -> tuple[int, int, int, int]:
    """The question `first_within` asks for (step, span, low, high), after `depth` reductions; see there.

    A step of more than half a span is a smaller one the other way round.
    """
    for _ in range(depth):
        step, span, low, high = span % step, step, -high % step, -low % step
        if 2 * step > span:
            step, low, high = span - step, span - high, span - low
    return step, span, low, high


@jitable
def first_within(step: int, span: int, low: int, high: int) -> int:
    """The smallest k >= 0 for which k step mod span lies in low..high, 0 < low <= high < span; -1: there is none.

    As Euclid's algorithm: where no multiple of the step lies in low..high itself, laps must bring one there, which is
    the same question modulo the step. Each level halves the span at least. The levels are walked down, then up again,
    each made anew from the first: nothing is stored. O((log span)^2) steps of whole numbers below 2^63.
    """
    step = step % span
    if 2 * step > span:
        step, low, high = span - step, span - high, span - low
    depth = 0
    found = -1
    while True:
        a, m, first, last = level_of(step, span, low, high, depth)
        if first == 0:
            found = 0
            break
        if a == 0:
            return -1
        k = -(-first // a)
        if k * a <= last:
            found = k
            break
        depth += 1
    while depth > 0:
        depth -= 1
        a, m, first, last = level_of(step, span, low, high, depth)
        found = -(-(m * found + first) // a)
    return found
