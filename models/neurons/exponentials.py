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
from eventsim.network.dynamics import Numbers

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
    u0, _, j1, j2, j3, tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling = q[6:18]
    push = coupling / tau_threshold
    through = push * u0 * response(tau_mem, tau_threshold, s)
    one, two, three = (
        gain * j1 * response(tau_mem, tau_1, s),
        gain * j2 * response(tau_mem, tau_2, s),
        gain * j3 * response(tau_mem, tau_3, s),
    )
    four, five, six = 0.0, 0.0, 0.0
    if push != 0.0:
        four = push * gain * j1 * double_response(tau_mem, tau_threshold, tau_1, s)
        five = push * gain * j2 * double_response(tau_mem, tau_threshold, tau_2, s)
        six = push * gain * j3 * double_response(tau_mem, tau_threshold, tau_3, s)
    longest = 1.0 + s / max(tau_mem, tau_threshold, tau_1, tau_2, tau_3)
    size_u = (abs(one) + abs(two) + abs(three)) * longest
    size_h = (abs(through) + abs(four) + abs(five) + abs(six)) * longest
    return (one + two + three, through + (four + five + six), size_u, size_h)


@separate
def value(q: Numbers, s: Any) -> Numbers:
    """(The form at s, its slope, and of V - threshold the size of its terms)."""
    c, a, b, g1, g2, g3, u0, h0, j1, j2, j3 = q[:11]
    tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling, size_limits, f0 = q[11:]
    added_u, added_h, size_u, size_h = membrane(q, s)
    of_u, of_h = math.exp(-s / tau_mem), math.exp(-s / tau_threshold)
    of_1, of_2, of_3 = math.exp(-s / tau_1), math.exp(-s / tau_2), math.exp(-s / tau_3)
    u, h = u0 * of_u + added_u, h0 * of_h + added_h
    i1, i2, i3 = j1 * of_1, j2 * of_2, j3 * of_3
    slope = a * (gain * (i1 + i2 + i3) - u / tau_mem) + b * ((coupling * u - h) / tau_threshold)
    slope -= g1 * i1 / tau_1 + g2 * i2 / tau_2 + g3 * i3 / tau_3
    base, away = c, size_limits
    if abs(f0) <= abs(c):  # from the start: what has decayed until s
        base, away = f0, abs(f0)
        of_u, of_h = math.expm1(-s / tau_mem), math.expm1(-s / tau_threshold)
        of_1, of_2, of_3 = math.expm1(-s / tau_1), math.expm1(-s / tau_2), math.expm1(-s / tau_3)
    one, two, three = g1 * j1 * of_1, g2 * j2 * of_2, g3 * j3 * of_3
    own_u, own_h = a * u0 * of_u, b * h0 * of_h
    size = away + abs(own_u) * (1.0 + s / tau_mem) + abs(own_h) * (1.0 + s / tau_threshold)
    size += abs(a) * size_u + abs(b) * size_h + abs(one) + abs(two) + abs(three)
    moved = (own_u + a * added_u) + (own_h + b * added_h) + (one + two + three)
    return (base + moved, slope, size)


crossing = make_crossing(value)


@jitable
def with_form(q: Numbers, c: float, a: float, b: float, g1: float, g2: float, g3: float) -> Numbers:
    """The same state and time constants, another form."""
    u0, h0, j1, j2, j3, tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling = q[6:18]
    start = c + (a * u0 + b * h0 + (g1 * j1 + g2 * j2 + g3 * j3))
    return (
        c, a, b, g1, g2, g3, u0, h0, j1, j2, j3, tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling, abs(c),
        start,
    )  # fmt: skip


@jitable
def negative(q: Numbers) -> Numbers:
    """-f."""
    c, a, b, g1, g2, g3, u0, h0, j1, j2, j3 = q[:11]
    tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling, size_limits, f0 = q[11:]
    return (
        -c, -a, -b, -g1, -g2, -g3, u0, h0, j1, j2, j3, tau_mem, tau_threshold, tau_1, tau_2, tau_3,
        gain, coupling, size_limits, -f0,
    )  # fmt: skip


@jitable
def apart(one: float, two: float) -> float:
    """1 / one - 1 / two, right to a few roundings of itself."""
    return (two - one) / one / two


@separate
def derived(q: Numbers, k: int) -> Numbers:
    """(d/ds + r) f with the k-th rate r, which takes from f what the first lines of this module say."""
    a, b, g1, g2, g3, _, _, _, _, _, tau_mem, tau_threshold, tau_1, tau_2, tau_3, gain, coupling = q[1:18]
    pull, drive = coupling / tau_threshold, gain * a
    if k == 0:
        return with_form(
            q, 0.0, b * pull - a / tau_mem, -b / tau_threshold,
            drive - g1 / tau_1, drive - g2 / tau_2, drive - g3 / tau_3,
        )  # fmt: skip
    tau = tau_threshold if k == 1 else tau_mem if k == 2 else tau_1 if k == 3 else tau_2
    of_u, of_h = a * apart(tau, tau_mem) + b * pull, b * apart(tau, tau_threshold)
    return with_form(
        q,
        0.0,
        of_u,
        of_h,
        drive + g1 * apart(tau, tau_1),
        drive + g2 * apart(tau, tau_2),
        drive + g3 * apart(tau, tau_3),
    )


@separate
def zero(q: Numbers, sign: float, low: float, high: float) -> float:
    """The zero of f between two times between which it has one at most; inf where it has none.

    `sign` is that of f from its last zero to `low`: near a zero rounding may say otherwise.
    """
    tau_mem, tau_threshold, tau_1, tau_2, tau_3 = q[11:16]
    forward = negative(q) if sign > 0.0 else q
    if high < math.inf and value(forward, high)[0] > 0.0:
        return crossing(forward, low, high)
    # Far away f is what rounding leaves of it, also where a zero lies long before; and near to `low`, to its last zero.
    near = NEAR * low
    step = min(tau_mem, tau_threshold, tau_1, tau_2, tau_3)
    last = min(OVER * max(tau_mem, tau_threshold, tau_1, tau_2, tau_3), high - low)
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
