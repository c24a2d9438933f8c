"""Linear neurons whose potential and threshold are sums of many exponentials: values at any time, and all zeros.

Relies on `_jit` and on the responses to one current. Used by the models with several currents.

The state is u = V - v_inf, h = threshold - its limit, and n currents, each of which may have a rise Jj of its own:

    u' = -u / tau_mem + gain (I1 + … + In),   h' = (coupling u - h) / tau_threshold,
    Ij' = -Ij / tau_j + Jj,   Jj' = -Jj / tau_j.

A *form* is f = c + a u + b h + sum of gj Ij + kj Jj, a constant and exponentials. (d/ds + r) f is a form again, and its
coefficients come from those of f without a division; it has no e^(-r s) any more. For r = 0 and then one over each time
constant, the shortest first, one exponential after another goes, until two are left, and one zero at most. Between two
zeros of (d/ds + r) f, e^(r s) f is monotone, so that f has one zero at most (Rolle; R. Brette 2007 for commensurable
time constants). So the zeros of each form isolate those of the form before it, and none can be missed. What rounding
leaves of an exponential that is gone decays as that did: with the shortest first, before it could hide a zero of what
is left. Nothing is ever divided by a difference of time constants: equal ones need no case of their own, and nearly
equal ones lose no digits.

A tuple q holds (c, a, b, g, k, u, h, I, J, tau_mem, tau_threshold, tau, gain, coupling, the sum of the sizes of v_inf
and of the limit of the threshold, whose rounding is part of that of V - threshold, and f at 0), where g, k, I, J and
tau are tuples of n numbers. f is counted from its value at 0 or from its limit c, whichever is less: a potential that
is close to its threshold, far from both limits, keeps its digits.
"""

import functools
import math
from typing import Any, NamedTuple

from eventsim._jit import jitable, separate
from eventsim.models.neurons.crossing import make_crossing
from eventsim.models.neurons.responses import OVER, alpha_response, double_response, response
from eventsim.network.dynamics import Numbers

# A zero of a form may lie so near to one of the derived form that rounding shows it on both sides of that.
NEAR = 2.0**-16


class Forms(NamedTuple):
    """The functions of forms of one kind; see the module's first lines.

    ``value(q, s)`` (the form at s, its slope, and of V - threshold the size of its terms) · ``turns(q)`` when f turns
    from rising to falling or back, in order and then inf · ``first_rise(q, touch)`` (the time of the first upward
    crossing, the maximum at its end, the size of its terms), inf and 0 without one; a maximum that is below 0 by less
    than `touch` of its terms crosses · ``touches(q, touch)`` is the maximum at the end of that rise 0 but for so much?
    """

    value: Any
    turns: Any
    first_rise: Any
    touches: Any


def make_each(n: int, one: Any) -> Any:
    """Return ``each(x, y)``: the tuple of ``one(x, y, j)`` for j = 0, …, n - 1."""
    if n == 1:

        @jitable
        def only(x: Any, y: Any) -> Numbers:
            return (one(x, y, 0),)

        return only
    begin, last = make_each(n - 1, one), n - 1

    @jitable
    def each(x: Any, y: Any) -> Numbers:
        return begin(x, y) + (one(x, y, last),)  # noqa: RUF005 - numba unpacks no tuples

    return each


@functools.cache
def make_forms(n: int, rises: bool = False, adapts: bool = False) -> Forms:
    """Return the functions of forms over n currents.

    Parameters
    ----------
    n
        How many currents there are.
    rises
        Whether they have a rise J of their own; else all J are 0.
    adapts
        Whether the threshold adapts; else b, h and the coupling are 0, and tau_threshold is any time constant.
    """
    n_exponentials = 2 + adapts + n * (1 + rises)  # with the constant
    value, derived = _make_value(n, rises, adapts), _make_derived(n, rises, adapts)
    turns = _make_turns(n_exponentials - 2, derived, _make_zeros(n, n_exponentials - 2, value))
    first_rise = _make_first_rise(n_exponentials - 2, value, derived, turns)

    @separate
    def touches(q: Any, touch: float) -> bool:
        if value(q, 0.0)[0] >= 0.0:
            return False
        _, highest, size = first_rise(q, touch)
        return abs(highest) <= touch * size

    return Forms(value, turns, first_rise, touches)


def _make_value(n: int, rises: bool, adapts: bool) -> Any:
    @separate
    def driven(q: Any, s: Any) -> Numbers:
        """What the currents and u have added to (u, h) at s beside their own decay, and the sizes of these terms."""
        u0, _, i0, j0, tau_mem, tau_threshold, tau, gain, coupling = q[5:14]
        push = coupling / tau_threshold
        u, h, size_u, size_h, slowest = 0.0, 0.0, 0.0, 0.0, max(tau_mem, tau_threshold)
        if adapts:
            h = push * u0 * response(tau_mem, tau_threshold, s)
            size_h = abs(h)
        for j in range(n):
            slowest = max(slowest, tau[j])
            one = gain * i0[j] * response(tau_mem, tau[j], s)
            u, size_u = u + one, size_u + abs(one)
            if rises:
                one = gain * j0[j] * alpha_response(tau_mem, tau[j], s)
                u, size_u = u + one, size_u + abs(one)
            if adapts and push != 0.0:
                one = push * gain * i0[j] * double_response(tau_mem, tau_threshold, tau[j], s)
                h, size_h = h + one, size_h + abs(one)
        longest = 1.0 + s / slowest
        return (u, h, size_u * longest, size_h * longest)

    @separate
    def value(q: Any, s: Any) -> Numbers:
        c, a, b, g, k, u0, h0, i0, j0, tau_mem, tau_threshold, tau, gain, coupling, size_limits, f0 = q
        added_u, added_h, size_u, size_h = driven(q, s)
        from_start = abs(f0) <= abs(c)  # what has decayed until s; else what is left
        base, size = (f0, abs(f0)) if from_start else (c, size_limits)
        left, of = math.exp(-s / tau_mem), math.exp(-s / tau_mem)
        if from_start:
            of = math.expm1(-s / tau_mem)
        u, moved, total, own = u0 * left + added_u, a * u0 * of, 0.0, 0.0
        size += abs(moved) * (1.0 + s / tau_mem) + abs(a) * size_u
        for j in range(n):
            left, of = math.exp(-s / tau[j]), math.exp(-s / tau[j])
            if from_start:
                of = math.expm1(-s / tau[j])
            current, one = i0[j] * left, g[j] * i0[j] * of
            if rises:
                risen, rise = j0[j] * (min(s, OVER * tau[j]) * left), j0[j] * left
                current += risen
                one += g[j] * risen + k[j] * j0[j] * of
                own += g[j] * rise - k[j] * rise / tau[j]
                size += abs(g[j] * risen) + abs(k[j] * j0[j] * of)
            total += current
            own -= g[j] * current / tau[j]
            moved += one
            size += abs(g[j] * i0[j] * of)
        slope = a * (gain * total - u / tau_mem) + own
        moved += a * added_u
        if adapts:
            left, of = math.exp(-s / tau_threshold), math.exp(-s / tau_threshold)
            if from_start:
                of = math.expm1(-s / tau_threshold)
            h, one = h0 * left + added_h, b * h0 * of
            slope += b * ((coupling * u - h) / tau_threshold)
            moved += one + b * added_h
            size += abs(one) * (1.0 + s / tau_threshold) + abs(b) * size_h
        return (base + moved, slope, size)

    return value


@jitable
def apart(one: float, two: float) -> float:
    """1 / one - 1 / two, right to a few roundings of itself; `one` may be inf."""
    return -1.0 / two if one == math.inf else (two - one) / one / two


def _make_derived(n: int, rises: bool, adapts: bool) -> Any:
    """``derived(q, k)``: (d/ds + r) f with r = 0, or one over the k-th shortest time constant."""
    twice = 2 if rises else 1

    @separate
    def kth_shortest(q: Any, k: int) -> float:
        """The k-th shortest of the time constants, counted from 1; those of currents that rise are there twice."""
        tau_mem, tau_threshold, tau = q[9:12]
        for one in range(n + 1 + adapts):
            found = tau_mem if one == n else tau_threshold if one > n else tau[one]
            shorter = as_short = 0
            for other in range(n):
                shorter += twice * (tau[other] < found)
                as_short += twice * (tau[other] <= found)
            shorter += tau_mem < found
            as_short += tau_mem <= found
            if adapts:
                shorter += tau_threshold < found
                as_short += tau_threshold <= found
            if shorter < k <= as_short:
                return found
        return tau_mem

    @jitable
    def next_g(q: Any, tau_r: float, j: int) -> float:
        a, g, tau, gain = q[1], q[3], q[11], q[12]
        return gain * a + g[j] * apart(tau_r, tau[j])

    @jitable
    def next_k(q: Any, tau_r: float, j: int) -> float:
        if not rises:
            return 0.0
        g, k, tau = q[3], q[4], q[11]
        return g[j] + k[j] * apart(tau_r, tau[j])

    each_g, each_k = make_each(n, next_g), make_each(n, next_k)

    @separate
    def derived(q: Any, k: int) -> Any:
        _, a, b, _, _, u0, h0, i0, j0, tau_mem, tau_threshold, tau, gain, coupling, _, _ = q
        tau_r = math.inf if k == 0 else kth_shortest(q, k)
        new_a, new_b = a * apart(tau_r, tau_mem) + b * (coupling / tau_threshold), b * apart(tau_r, tau_threshold)
        g, k_ = each_g(q, tau_r), each_k(q, tau_r)
        start = new_a * u0 + new_b * h0
        for j in range(n):
            start += g[j] * i0[j] + k_[j] * j0[j]
        return (0.0, new_a, new_b, g, k_, u0, h0, i0, j0, tau_mem, tau_threshold, tau, gain, coupling, 0.0, start)

    return derived


@jitable
def negative(of: Numbers, _: float, j: int) -> float:
    """The j-th number with the other sign."""
    return -of[j]


@jitable
def with_next(found: Numbers, s: float, j: int) -> float:
    """The j-th of some times in order, and then inf, once s has been put behind the last of them."""
    if found[j] == math.inf and (j == 0 or found[j - 1] < math.inf):
        return s
    return found[j]


def _make_turns(n_turns: int, derived: Any, zeros: Any) -> Any:
    """``turns(q)``: the zeros of the slope of f, by those of every form derived from it; `n_turns` at most."""
    none = (math.inf,) * n_turns

    def make(level: int) -> Any:
        """Zeros of a form that has been derived `level` times."""
        if level == n_turns:  # two exponentials

            @jitable
            def of_last(q: Any) -> Any:
                return zeros(q, none)

            return of_last
        of_derived = make(level + 1)

        @jitable
        def of_form(q: Any) -> Any:
            return zeros(q, of_derived(derived(q, level)))

        return of_form

    of_slope = make(1)

    @separate
    def turns(q: Any) -> Any:
        return of_slope(derived(q, 0))

    return turns


def _make_zeros(n: int, most: int, value: Any) -> Any:
    """``zeros(q, between)``: all zeros of f after 0, `most` at most, by those of the form derived from it."""
    crossing, append, none = make_crossing(value), make_each(most, with_next), (math.inf,) * most
    each_negative = make_each(n, negative)

    @jitable
    def turned(q: Any) -> Any:
        """-f."""
        c, a, b, g, k = q[:5]
        size_limits, f0 = q[14:]
        return (-c, -a, -b, each_negative(g, 0.0), each_negative(k, 0.0)) + q[5:14] + (size_limits, -f0)  # noqa: RUF005

    @separate
    def zero(q: Any, sign: float, low: float, high: float) -> float:
        """The zero of f between two times between which it has one at most; inf where it has none.

        `sign` is that of f from its last zero to `low`: near a zero rounding may say otherwise.
        """
        forward = turned(q) if sign > 0.0 else q
        if high < math.inf and value(forward, high)[0] > 0.0:
            return crossing(forward, low, high)
        # Far away f is what rounding leaves of it, also where a zero lies long before; and near to `low`, to its zero.
        near, (step, longest) = NEAR * low, time_constants(q)
        last = min(OVER * longest, high - low)
        while step <= last:
            if step >= near and value(forward, low + step)[0] > 0.0:
                return crossing(forward, low, low + step)
            step = 2.0 * step
        return math.inf

    @separate
    def zeros(q: Any, between: Any) -> Any:
        found = none
        low, high, sign = 0.0, 0.0, 0.0
        for k in range(most + 1):
            low, high = high, between[k] if k < most else math.inf
            if low == math.inf:
                break
            if sign == 0.0:
                sign = value(q, low)[0]
            s = zero(q, sign, low, high) if sign != 0.0 and high > low else math.inf
            if s < math.inf:
                sign = -sign
                found = append(found, s)
        return found

    return zeros


@jitable
def time_constants(q: Any) -> Numbers:
    """(The shortest of the time constants, the longest)."""
    tau_mem, tau_threshold, tau = q[9:12]
    shortest, longest = min(tau_mem, tau_threshold), max(tau_mem, tau_threshold)
    for j in range(len(tau)):
        shortest, longest = min(shortest, tau[j]), max(longest, tau[j])
    return (shortest, longest)


def _make_first_rise(n_turns: int, value: Any, derived: Any, turns: Any) -> Any:
    crossing = make_crossing(value)

    @separate
    def rises_at_first(q: Any) -> bool:
        """The sign of the first derivative of f at 0 that is not zero."""
        form, slope = q, 0.0
        for k in range(n_turns + 1):
            form = derived(form, k)
            slope = value(form, 0.0)[0]
            if slope != 0.0:
                break
        return slope > 0.0

    @separate
    def last_rise(q: Any, low: float) -> float:
        """The crossing after the last turn, from where on f rises to its limit."""
        if q[0] <= 0.0:
            return math.inf
        step, longest = time_constants(q)
        while step <= OVER * longest:
            if value(q, low + step)[0] >= 0.0:
                return crossing(q, low, low + step)
            step = 2.0 * step
        return math.inf

    @separate
    def first_rise(q: Any, touch: float) -> Numbers:
        ends = turns(q)
        rising, low = rises_at_first(q), 0.0
        for k in range(n_turns + 1):
            high = ends[k] if k < n_turns else math.inf
            if rising:
                if value(q, low)[0] >= 0.0:
                    return (low, math.inf, 0.0)
                if high == math.inf:
                    return (last_rise(q, low), math.inf, 0.0)
                highest, _, size = value(q, high)
                if highest >= 0.0:
                    return (crossing(q, low, high), highest, size)
                if highest >= -touch * size:
                    return (high, highest, size)
            if high == math.inf:
                break
            low, rising = high, not rising
        return (math.inf, math.inf, 0.0)

    return first_rise
