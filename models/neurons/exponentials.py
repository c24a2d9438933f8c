"""Linear neurons whose potential and threshold are sums of many exponentials: values at any time, and all zeros.

Relies on `_jit` and on the models of one current. Used by `glif`.

The state is u = V - v_inf, h = threshold - its limit, and three currents:

    u' = -u / tau_mem + gain (I1 + I2 + I3),   h' = (coupling u - h) / tau_threshold,   Ij' = -Ij / tau_j.

A *form* is f = c + a u + b h + g1 I1 + g2 I2 + g3 I3. (d/ds + r) f is a form again, and its coefficients come from
those of f without a division; for r = 0, 1 / tau_threshold, 1 / tau_mem, 1 / tau_1 and 1 / tau_2, one after another, it
loses c, b, a, g1 and g2, until the last form is one exponential and has no zeros. Between two zeros of (d/ds + r) f,
e^(r s) f is monotone, so that f has one zero at most (Rolle; R. Brette 2007 for commensurable time constants). So the
zeros of each form isolate those of the form before it, and none can be missed. Nothing is ever divided by a difference
of time constants: equal ones need no case of their own, and nearly equal ones lose no digits.

A tuple q holds (c, a, b, g1, g2, g3, u, h, I1, I2, I3, tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling,
the sum of the sizes of v_inf and of the limit of the threshold, whose rounding is part of that of V - threshold, and
f at 0). f is counted from its value at 0 or from its limit c, whichever is less: a potential that is close to its
threshold, far from both limits, keeps its digits.
"""

import math
from typing import Any

from eventsim._jit import jitable, separate
from eventsim.models.neurons.crossing import make_crossing
from eventsim.models.neurons.lif_exp import OVER, response
from eventsim.network.neuron_model import Numbers

# A zero of a form may lie so near to one of the derived form that rounding shows it on both sides of that.
NEAR = 2.0**-16
# Terms of a series near 1 / 2 below this change nothing.
LAST = 2.0**-58


@jitable
def mean_decay(z: float) -> float:
    """(1 - e^-z) / z, the mean of e^-x over [0, z]; 1 at 0."""
    return 1.0 if z == 0.0 else -math.expm1(-z) / z


@jitable
def twice_mean_decay(x: float, y: float, between: float) -> float:
    """The divided difference of e^-z at 0, x and y = x + `between`, all >= 0: 1 / 2 at 0; right to a few roundings."""
    if y >= 1.0:
        return (mean_decay(x) - math.exp(-x) * mean_decay(between)) / y
    total, sums, power, factor, n = 0.5, 1.0, 1.0, 0.5, 2
    while abs(factor) * sums > LAST:
        power = power * x
        sums = sums * y + power
        n += 1
        factor = -factor / n
        total += factor * sums
    return total


@separate
def double_response(one: float, two: float, three: float, s: float) -> float:
    """The integral of e^(-(s - t) / one) response(two, three, t) over t in [0, s]; the time constants in any order."""
    slow, middle, fast = one, two, three
    if slow < middle:
        slow, middle = middle, slow
    if middle < fast:
        middle, fast = fast, middle
    if slow < middle:
        slow, middle = middle, slow
    if s >= OVER * slow:
        return 0.0  # s * s may be no number any more
    x, y = (slow - middle) / slow / middle * s, (slow - fast) / slow / fast * s
    return math.exp(-s / slow) * (s * twice_mean_decay(x, y, (middle - fast) / middle / fast * s) * s)


@separate
def membrane(q: Numbers, s: Any) -> Numbers:
    """What currents and u have added to (u, h) at s beside their own decay, and the sizes of these terms."""
    push = q[17] / q[12]
    through = push * q[6] * response(q[11], q[12], s)
    one, two, three = (
        q[16] * q[8] * response(q[11], q[13], s),
        q[16] * q[9] * response(q[11], q[14], s),
        q[16] * q[10] * response(q[11], q[15], s),
    )
    four, five, six = 0.0, 0.0, 0.0
    if push != 0.0:
        four = push * q[16] * q[8] * double_response(q[11], q[12], q[13], s)
        five = push * q[16] * q[9] * double_response(q[11], q[12], q[14], s)
        six = push * q[16] * q[10] * double_response(q[11], q[12], q[15], s)
    longest = 1.0 + s / max(q[11], q[12], q[13], q[14], q[15])
    size_u = (abs(one) + abs(two) + abs(three)) * longest
    size_h = (abs(through) + abs(four) + abs(five) + abs(six)) * longest
    return (one + two + three, through + (four + five + six), size_u, size_h)


@separate
def value(q: Numbers, s: Any) -> Numbers:
    """(The form at s, its slope, and of V - threshold the size of its terms)."""
    added_u, added_h, size_u, size_h = membrane(q, s)
    of_u, of_h = math.exp(-s / q[11]), math.exp(-s / q[12])
    of_1, of_2, of_3 = math.exp(-s / q[13]), math.exp(-s / q[14]), math.exp(-s / q[15])
    u, h = q[6] * of_u + added_u, q[7] * of_h + added_h
    i1, i2, i3 = q[8] * of_1, q[9] * of_2, q[10] * of_3
    slope = q[1] * (q[16] * (i1 + i2 + i3) - u / q[11]) + q[2] * ((q[17] * u - h) / q[12])
    slope -= q[3] * i1 / q[13] + q[4] * i2 / q[14] + q[5] * i3 / q[15]
    base, away = q[0], q[18]
    if abs(q[19]) <= abs(q[0]):  # from the start: what has decayed until s
        base, away = q[19], abs(q[19])
        of_u, of_h = math.expm1(-s / q[11]), math.expm1(-s / q[12])
        of_1, of_2, of_3 = math.expm1(-s / q[13]), math.expm1(-s / q[14]), math.expm1(-s / q[15])
    one, two, three = q[3] * q[8] * of_1, q[4] * q[9] * of_2, q[5] * q[10] * of_3
    own_u, own_h = q[1] * q[6] * of_u, q[2] * q[7] * of_h
    size = away + abs(own_u) * (1.0 + s / q[11]) + abs(own_h) * (1.0 + s / q[12])
    size += abs(q[1]) * size_u + abs(q[2]) * size_h + abs(one) + abs(two) + abs(three)
    moved = (own_u + q[1] * added_u) + (own_h + q[2] * added_h) + (one + two + three)
    return (base + moved, slope, size)


crossing = make_crossing(value)


@jitable
def with_form(q: Numbers, c: float, a: float, b: float, g1: float, g2: float, g3: float) -> Numbers:
    """The same state and time constants, another form."""
    start = c + (a * q[6] + b * q[7] + (g1 * q[8] + g2 * q[9] + g3 * q[10]))
    return (
        c, a, b, g1, g2, g3, q[6], q[7], q[8], q[9], q[10], q[11], q[12], q[13], q[14], q[15], q[16], q[17], abs(c),
        start,
    )  # fmt: skip


@jitable
def negative(q: Numbers) -> Numbers:
    """-f."""
    return (
        -q[0], -q[1], -q[2], -q[3], -q[4], -q[5], q[6], q[7], q[8], q[9], q[10], q[11], q[12], q[13], q[14], q[15],
        q[16], q[17], q[18], -q[19],
    )  # fmt: skip


@jitable
def apart(one: float, two: float) -> float:
    """1 / one - 1 / two, right to a few roundings of itself."""
    return (two - one) / one / two


@separate
def derived(q: Numbers, k: int) -> Numbers:
    """(d/ds + r) f with the k-th rate r, which takes from f what the first lines of this module say."""
    pull, gain = q[17] / q[12], q[16] * q[1]
    if k == 0:
        return with_form(
            q, 0.0, q[2] * pull - q[1] / q[11], -q[2] / q[12],
            gain - q[3] / q[13], gain - q[4] / q[14], gain - q[5] / q[15],
        )  # fmt: skip
    tau = q[12] if k == 1 else q[11] if k == 2 else q[13] if k == 3 else q[14]
    a, b = q[1] * apart(tau, q[11]) + q[2] * pull, q[2] * apart(tau, q[12])
    return with_form(
        q, 0.0, a, b, gain + q[3] * apart(tau, q[13]), gain + q[4] * apart(tau, q[14]), gain + q[5] * apart(tau, q[15])
    )


@separate
def zero(q: Numbers, sign: float, low: float, high: float) -> float:
    """The zero of f between two times between which it has one at most; inf where it has none.

    `sign` is that of f from its last zero to `low`: near a zero rounding may say otherwise.
    """
    forward = negative(q) if sign > 0.0 else q
    if high < math.inf and value(forward, high)[0] > 0.0:
        return crossing(forward, low, high)
    # Far away f is what rounding leaves of it, also where a zero lies long before; and near to `low`, to its last zero.
    near = NEAR * low
    step = min(q[11], q[12], q[13], q[14], q[15])
    last = min(OVER * max(q[11], q[12], q[13], q[14], q[15]), high - low)
    while step <= last:
        if step >= near and value(forward, low + step)[0] > 0.0:
            return crossing(forward, low, low + step)
        step = 2.0 * step
    return math.inf


@separate
def zeros(q: Numbers, between: Numbers) -> Numbers:
    """All zeros of f after 0, five at most, in order and then inf; `between` are those of the form derived from it."""
    a, b, c, d, e = math.inf, math.inf, math.inf, math.inf, math.inf
    low, high, sign = 0.0, 0.0, 0.0
    for k in range(6):
        low, high = high, between[k] if k < 5 else math.inf
        if low == math.inf:
            break
        if sign == 0.0:
            sign = value(q, low)[0]
        found = zero(q, sign, low, high) if sign != 0.0 and high > low else math.inf
        if found == math.inf:
            continue
        sign = -sign
        if a == math.inf:
            a = found
        elif b == math.inf:
            b = found
        elif c == math.inf:
            c = found
        elif d == math.inf:
            d = found
        else:
            e = found
    return (a, b, c, d, e)


@separate
def turns(q: Numbers) -> Numbers:
    """When f turns from rising to falling or back: the zeros of its slope, by those of every form derived from it."""
    one = derived(q, 0)
    two = derived(one, 1)
    three = derived(two, 2)
    four = derived(three, 3)
    none = (math.inf, math.inf, math.inf, math.inf, math.inf)
    return zeros(one, zeros(two, zeros(three, zeros(four, none))))


@jitable
def direction(q: Numbers) -> float:
    """A number with the sign of f's first derivative at 0 that is not zero."""
    form, slope = q, 0.0
    for k in range(5):
        form = derived(form, k)
        slope = value(form, 0.0)[0]
        if slope != 0.0:
            return slope
    return slope
