"""First upward threshold crossings of random states, to 50 digits, for every model with exponential currents.

``python tests/golden/crossings.py`` writes ``crossings.npz`` beside this file (about two minutes); the tests hold the
models against it and solve some of its cases again. Solved here in another way than by the models: V is written out as
a sum of exponentials in mpmath numbers of 100 digits, whose differences may cancel as they like, and its extrema come
from that sum. Nothing of eventsim is imported.

Cases are a function of (model, number) alone, made of integers and powers of two, so that they need not be stored and
are the same floats everywhere. Only the thresholds of near tangencies are: they are potentials, rounded.

The file holds for each model: ``<model>_time`` (inf: no crossing), ``<model>_slope`` (dV/dt there),
``<model>_margin`` (V - threshold at the end of the rise that crosses, which is the limit where V does not turn; of
silent ones the largest V - threshold ever), and ``<model>_threshold`` (of near tangencies, in order).
"""

import itertools
import math
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

FILE = Path(__file__).with_suffix(".npz")
MODELS = ("lif_exp", "if_exp", "lif_alpha", "alpha_psp")
N_CASES = 10_000
KINDS = (
    "generic", "with a drive", "drive near the threshold", "equal", "nearly equal", "two to one", "large ratio",
    "tiny or huge current", "falls, then rises", "near tangency", "near the threshold", "opposite currents",
)  # fmt: skip
TANGENCY = KINDS.index("near tangency")
mpmath.mp.dps = 100


class Case(NamedTuple):
    """Parameters and state; each model takes those that it has. `a`: the weights behind an alpha current, decayed."""

    kind: str
    tau_mem: float
    tau_syn: float
    r: float
    v_threshold: float
    v_inf: float
    v: float
    i: float
    a: float


class Solution(NamedTuple):
    """See the module's first lines."""

    time: Any
    slope: Any
    margin: Any


class _Draws:
    """A stream of numbers: splitmix64 of (model, number)."""

    def __init__(self, model: str, number: int) -> None:
        self.state = (MODELS.index(model) + 1) * 0x9E3779B97F4A7C15 * (number + 1)

    def bits(self, n: int) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return (z ^ (z >> 31)) >> (64 - n)

    def between(self, low: int, high: int) -> int:
        return low + self.bits(32) % (high - low + 1)

    def unit(self) -> float:
        """In [0, 1)."""
        return self.bits(53) * 2.0**-53

    def sign(self) -> float:
        return 1.0 - 2.0 * self.bits(1)

    def size(self, low: int, high: int) -> float:
        """Positive, between 2^low and 2^(high + 1)."""
        return (1.0 + self.unit()) * 2.0 ** self.between(low, high)


def case_of(model: str, number: int) -> Case:
    """Case `number` of a model; a near tangency still with an arbitrary threshold."""
    draws, kind = _Draws(model, number), KINDS[number % len(KINDS)]
    tau_mem, tau_syn = draws.size(-3, 4), draws.size(-3, 4)
    threshold = draws.size(-2, 0)
    r = draws.sign() * draws.size(-1, 1) if draws.bits(2) == 0 else 1.0
    v = threshold * (1.0 - draws.size(-4, 0))
    i, a = draws.sign() * draws.size(-1, 3), draws.sign() * draws.size(-1, 3)
    v_inf = threshold * (2.0 * draws.unit() - 1.0) * 2.0 if draws.bits(1) or kind == "with a drive" else 0.0
    nudge = draws.sign() * draws.size(-51, -4)
    scale, silent = 2.0 ** (draws.sign() * draws.between(10, 40)), draws.bits(2) == 0
    if kind == "drive near the threshold":
        v_inf = threshold * (1.0 + nudge)
        i, a = (0.0, 0.0) if silent else (i, a)
    elif kind == "equal":
        tau_syn = tau_mem
    elif kind == "nearly equal":
        tau_syn = tau_mem * (1.0 + nudge)
    elif kind == "two to one":
        tau_mem = 2.0 * tau_syn
    elif kind == "large ratio":
        tau_syn = tau_mem * scale
    elif kind == "tiny or huge current":
        i, a = i * scale, a * scale
    elif kind == "falls, then rises":
        v_inf, r, i, a = threshold * (1.0 + draws.size(-6, 1)), 1.0, -abs(i), -abs(a)
    elif kind == "near tangency":
        r, i, a = 1.0, abs(i) + 1.0, abs(a)
        v, v_inf = 0.5 * v, min(v_inf, 0.0)
    elif kind == "near the threshold":
        v = threshold * (1.0 - abs(nudge))
    elif kind == "opposite currents":
        a = -math.copysign(a, i) * 2.0 ** draws.between(-2, 4)
    return Case(kind, tau_mem, tau_syn, r, threshold, v_inf, v, i, a)


def near_tangency(model: str, number: int) -> Case:
    """The case with a threshold near its highest potential: at that, or some units in the last place off."""
    case, draws = case_of(model, number), _Draws(model, -number - 2)
    top = float(solve(model, case._replace(v_threshold=1e9)).margin + mpf(1e9))
    off = draws.sign() * draws.bits(1) * 2.0 ** draws.between(0, 20)
    top += off * math.ulp(top)
    return case._replace(v_threshold=top if top > case.v and abs(top) > abs(case.v) / 1024 else case.v_threshold)


class _Potential:
    """V(s) = limit + (c0 + c1 s + c2 s^2) e^(-s / tau_syn) + c3 e^(-s / tau_mem), exactly."""

    def __init__(self, model: str, case: Case) -> None:
        tau_syn, i, v = mpf(case.tau_syn), mpf(case.i), mpf(case.v)
        self.threshold = mpf(case.v_threshold)
        self.slow, self.fast = mpf(0), 1 / tau_syn  # rates of the membrane and of the current
        a, gain, v_inf = mpf(0), mpf(1), v + i * tau_syn
        if model == "if_exp":
            self.limit, self.c = v_inf, [-i * tau_syn, mpf(0), mpf(0), mpf(0)]
            return
        if model == "alpha_psp":
            v_inf, self.slow = mpf(0), self.fast
        else:
            v_inf, self.slow, gain = mpf(case.v_inf), 1 / mpf(case.tau_mem), mpf(case.r) / mpf(case.tau_mem)
        if model == "lif_alpha":
            a = mpf(case.a) * mpmath.e / tau_syn
        self.limit, u = v_inf, v - v_inf
        i, a, delta = gain * i, gain * a, self.fast - self.slow
        if delta == 0:
            self.c = [u, i, a / 2, mpf(0)]
        else:  # V' = -slow u + (i + a s) e^(-fast s)
            c0, c1 = -i / delta - a / delta**2, -a / delta
            self.c = [c0, c1, mpf(0), u - c0]

    def __call__(self, s: Any) -> Any:
        """V - threshold."""
        c = self.c
        current = (c[0] + s * (c[1] + s * c[2])) * mpmath.exp(-self.fast * s)
        return self.limit - self.threshold + current + c[3] * mpmath.exp(-self.slow * s)

    def slope(self, s: Any) -> Any:
        c = self.c
        inner = c[1] - self.fast * c[0] + s * (2 * c[2] - self.fast * c[1]) - s * s * self.fast * c[2]
        return inner * mpmath.exp(-self.fast * s) - self.slow * c[3] * mpmath.exp(-self.slow * s)

    def scaled_slope(self, s: Any) -> Any:
        """V' e^(fast s): an exponential and a polynomial of at most the second degree."""
        c = self.c
        inner = c[1] - self.fast * c[0] + s * (2 * c[2] - self.fast * c[1]) - s * s * self.fast * c[2]
        return inner - self.slow * c[3] * mpmath.exp((self.fast - self.slow) * s)

    def extrema(self) -> list[Any]:
        """Where V turns, in order."""
        c, fast, growth = self.c, self.fast, self.fast - self.slow
        constant, linear, square = c[1] - fast * c[0], 2 * c[2] - fast * c[1], -fast * c[2]
        factor = -self.slow * c[3]
        if factor == 0 and square == 0:
            found = [] if linear == 0 else [-constant / linear]
        elif factor == 0:
            inside = linear**2 - 4 * square * constant
            root = mpmath.sqrt(inside) if inside > 0 else mpf(0)
            found = [] if inside <= 0 else [(-linear - root) / (2 * square), (-linear + root) / (2 * square)]
        elif linear == 0:
            ratio = -constant / factor
            found = [mpmath.log(ratio) / growth] if ratio > 0 else []
        else:
            ratio = -linear / (factor * growth)
            between = [mpmath.log(ratio) / growth] if ratio > 0 else []
            ends = [mpf(0), *[s for s in between if s > 0], self.never]
            found = [_zero(self.scaled_slope, low, high) for low, high in itertools.pairwise(ends)]
            found = [s for s in found if s is not None]
        return sorted(s for s in found if 0 < s < self.never)

    @property
    def never(self) -> Any:
        """A time at which every exponential is below 1e-100000."""
        return 230_000 / min(rate for rate in (self.slow, self.fast) if rate > 0)


def _zero(f: Any, low: Any, high: Any) -> Any:
    """The one zero of a function that is monotone between low and high, to 60 digits; None where it has none."""
    below, above = f(low), f(high)
    if below == 0 or below * above > 0:
        return None
    step = high * mpf(2) ** -80 + low  # first by doubling: the zero may be many orders of magnitude below `high`
    while step < high and f(step) * below > 0:
        low, step = step, 2 * step
    high = min(step, high)
    return _bisected(f, low, high, below < 0)


def _bisected(f: Any, low: Any, high: Any, rising: bool) -> Any:
    """Bisection, then secants that keep the bracket (the Illinois rule)."""
    for _ in range(12):
        middle = (low + high) / 2
        if (f(middle) < 0) == rising:
            low = middle
        else:
            high = middle
    f_low, f_high = f(low), f(high)
    side = 0
    while high - low > high * mpf(10) ** -60:
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        value = f(middle)
        if value == 0:
            return middle
        if (value < 0) == rising:
            low, f_low, f_high, side = middle, value, f_high / 2 if side < 0 else f_high, -1
        else:
            high, f_high, f_low, side = middle, value, f_low / 2 if side > 0 else f_low, 1
        if abs(value) < mpf(10) ** -75:
            return middle
    return (low + high) / 2


def solve(model: str, case: Case) -> Solution:
    """The first upward crossing from V < threshold."""
    f = _Potential(model, case)
    ends = [mpf(0), *f.extrema(), mpmath.inf]
    values = [f(s) for s in ends[:-1]] + [f.limit - f.threshold]
    for low, high, low_value, top in zip(ends, ends[1:], values, values[1:], strict=False):
        if not low_value < 0 <= top or (high == mpmath.inf and top == 0):
            continue
        if high == mpmath.inf:
            high, step = low, 1 / max(f.slow, f.fast)  # noqa: PLW2901
            while f(high) < 0:
                high, step = high + step, 2 * step  # noqa: PLW2901
        time = _bisected(f, low, high, True)
        return Solution(time, f.slope(time), top)
    return Solution(mpmath.inf, mpf(0), max(values))


def cases(model: str, thresholds: Any) -> list[Case]:
    """All cases of a model; `thresholds` are those of its near tangencies, in order."""
    kept = iter(thresholds)
    made = (case_of(model, number) for number in range(N_CASES))
    return [case if case.kind != KINDS[TANGENCY] else case._replace(v_threshold=float(next(kept))) for case in made]


def main() -> None:
    """Write the file."""
    arrays: dict[str, Any] = {}
    for model in MODELS:
        tangent = [near_tangency(model, number).v_threshold for number in range(TANGENCY, N_CASES, len(KINDS))]
        solved = [solve(model, case) for case in cases(model, tangent)]
        arrays[f"{model}_threshold"] = np.array(tangent)
        arrays[f"{model}_time"] = np.array([float(one.time) for one in solved])
        arrays[f"{model}_slope"] = np.array([float(one.slope) for one in solved], dtype=np.float32)
        arrays[f"{model}_margin"] = np.array([float(one.margin) for one in solved], dtype=np.float32)
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
