"""What a membrane makes of currents that decay: responses to one exponential, to two in a row, and to a rise and fall.

Relies on `_jit` alone. Used by the models with synaptic currents. Every form avoids the difference of nearly equal
exponentials, so that equal time constants need no case of their own and nearly equal ones lose no digits.
"""

import math
from typing import Any

from eventsim._jit import jitable, separate
from eventsim.network.dynamics import Numbers

# Time constants after which nothing is left of an exponential.
OVER = 800.0
# Terms of a series near 1 / 2 below this change nothing.
LAST = 2.0**-58


@jitable
def response(tau_mem: float, tau_syn: float, s: float) -> float:
    """g(s): V at s where I = tau_mem / r and V = v_inf at 0. The forms avoid differences of equal exponentials."""
    delta = (tau_mem - tau_syn) / tau_mem / tau_syn
    if delta > 0.0:
        return math.exp(-s / tau_mem) * (-math.expm1(-delta * s) / delta)
    if delta < 0.0:
        return math.exp(-s / tau_syn) * (math.expm1(delta * s) / delta)
    return s * math.exp(-s / tau_mem)


@jitable
def second(z: float) -> float:
    """(e^z - 1 - z) / z^2, for any z < 1; 1 / 2 at 0."""
    if z < -1.0:
        return (math.expm1(z) - z) / z / z
    total, term, n = 0.5, 0.5, 3
    while abs(term) > LAST:
        term = term * z / n
        total += term
        n += 1
    return total


@jitable
def remainder(z: float) -> float:
    """(1 - (1 + z) e^(-z)) / z^2, for z >= 0: as above, times e^(-z)."""
    if z < 1.0:
        return second(z) * math.exp(-z)
    return (1.0 - (1.0 + z) * math.exp(-z)) / z / z


@jitable
def alpha_response(tau_mem: float, tau_syn: float, s: float) -> float:
    """h(s): V at s where J = tau_mem / r, I = 0 and V = v_inf at 0."""
    if s >= OVER * max(tau_mem, tau_syn):
        return 0.0  # s * s may be no number any more
    z = (tau_mem - tau_syn) / tau_mem / tau_syn * s
    if z >= 0.0:
        return math.exp(-s / tau_mem) * (s * remainder(z) * s)
    return math.exp(-s / tau_syn) * (s * second(z) * s)


@jitable
def decayed(i: float, j: float, s: Any, tau_syn: float) -> Numbers:
    """(What is left of J, I) s later; an s after which nothing is left may be so long that J s is no number."""
    left = math.exp(-s / tau_syn)
    return (left, (i + j * min(s, OVER * tau_syn)) * left)


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
