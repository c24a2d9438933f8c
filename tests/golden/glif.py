"""First upward crossings of random states of `glif`, to 25 digits and more.

``python -m golden.glif`` in the folder above writes ``glif.npz`` beside this file (about five minutes); the tests hold
the model against it and solve some of its cases again. V minus threshold is written out as a constant and five
exponentials in mpmath numbers of 110 digits; time constants that are equal are moved apart by 1e-30 of themselves, so
that no case is special. Zeros come from those of the derivative of e^(r s) times the sum, which has one exponential
less (R. Brette 2007; the model never forms these coefficients). Nothing of eventsim is imported.

Cases are a function of their number, as in `crossings`. The file holds ``time`` (inf: no crossing), ``slope`` (of
V - threshold there), ``margin`` (V - threshold at the end of the rise that crosses; of silent ones the largest ever)
and ``shift`` (what near tangencies take from their threshold, in order).
"""

from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

from golden.crossings import MODELS, Solution, _bisected, _Draws

FILE = Path(__file__).with_suffix(".npz")
N_CASES = 10_000
KINDS = (
    "generic", "weak coupling", "no coupling", "two equal", "three equal", "all equal", "nearly equal",
    "slow threshold", "near tangency", "near the threshold", "opposite currents", "drive above",
)  # fmt: skip
TANGENCY = KINDS.index("near tangency")
FIRST = 1_000_000  # the draws of `crossings` end before
TIMES = ("tau_mem", "tau_threshold", "tau_syn", "tau_1", "tau_2")


class Case(NamedTuple):
    """Parameters and state, not held."""

    kind: str
    tau_mem: float
    tau_threshold: float
    tau_syn: float
    tau_1: float
    tau_2: float
    v_leak: float
    current: float
    v_threshold: float
    coupling: float
    v: float
    threshold: float
    i: float
    j1: float
    j2: float


def case_of(number: int) -> Case:
    """Case `number`; a near tangency still with an arbitrary threshold."""
    draws, kind = _Draws(MODELS[0], FIRST + number), KINDS[number % len(KINDS)]
    taus = [draws.size(-2, 4) for _ in TIMES]
    limit = draws.size(-1, 0)
    threshold = limit * (0.75 + draws.unit())
    v, v_leak = threshold * (1.0 - draws.size(-4, 0)), draws.unit() - 0.5
    current = draws.unit() - 0.5
    currents = [draws.sign() * draws.size(-2, 3) for _ in range(3)]
    coupling = draws.sign() * draws.size(-3, -1)
    nudge = [1.0 + draws.sign() * draws.size(-51, -4) for _ in TIMES]
    if kind == "weak coupling":
        coupling *= 2.0 ** -draws.between(5, 30)
    elif kind == "no coupling":
        coupling = 0.0
    elif kind in ("two equal", "three equal"):
        first = draws.between(0, 4)
        for k in range(1, 2 if kind == "two equal" else 3):
            taus[(first + k) % 5] = taus[first]
    elif kind == "all equal":
        taus = [taus[0]] * 5
    elif kind == "nearly equal":
        taus = [taus[0] * one for one in nudge]
    elif kind == "slow threshold":
        taus[1] *= 2.0 ** draws.between(4, 20)
    elif kind == "near the threshold":
        v = threshold * (1.0 - draws.size(-40, -5))
    elif kind == "opposite currents":
        currents = [-4.0 * abs(currents[0]), 2.0 * abs(currents[1]), currents[2]]
    elif kind == "drive above":
        current = limit * (1.0 + draws.size(-6, 1)) - v_leak
    if kind == "near tangency":
        currents, current = [abs(currents[0]) + 1.0, *currents[1:]], min(current, 0.0)
    return Case(kind, *taus[:5], v_leak, current, limit, coupling, v, threshold, *currents[:3])  # type: ignore[call-arg]


class _Sum:
    """f(s) = sum of c e^(-r s), the rates all different."""

    def __init__(self, terms: list[tuple[Any, Any]]) -> None:
        self.terms = terms

    def __call__(self, s: Any) -> Any:
        return mpmath.fsum(c * mpmath.exp(-r * s) for c, r in self.terms)

    def slope(self, s: Any) -> Any:
        return mpmath.fsum(-r * c * mpmath.exp(-r * s) for c, r in self.terms)

    def zeros(self, end: Any) -> list[Any]:
        """All zeros in (0, end): one at most between two zeros of the derivative of e^(r s) f."""
        if len(self.terms) < 2:
            return []
        rate = self.terms[0][1]
        ends = [mpf(0), *_Sum([(c * (rate - r), r) for c, r in self.terms[1:]]).zeros(end), end]
        values = [self(s) for s in ends]
        found = []
        for k in range(len(ends) - 1):
            if values[k] * values[k + 1] < 0:
                low, high = ends[k], ends[k + 1]
                step = high * mpf(2) ** -40
                while low + step < high and self(low + step) * values[k] > 0:
                    step *= 8
                found.append(_bisected(self, low, min(low + step, high), values[k] < 0))
        return found


def rates(case: Case) -> list[Any]:
    """One over each time constant; equal ones are moved apart."""
    taus = [mpf(getattr(case, name)) for name in TIMES]
    return [1 / (tau * (1 + taus[:n].count(tau) * mpf(10) ** -30)) for n, tau in enumerate(taus)]


def potentials(case: Case) -> tuple[_Sum, _Sum]:
    """V and its threshold."""
    m, y, *k = rates(case)
    v_leak, current, coupling = mpf(case.v_leak), mpf(case.current), mpf(case.coupling)
    v_inf, push = v_leak + current, coupling * y
    h_inf = mpf(case.v_threshold) + coupling * current
    u = {m: mpf(case.v) - v_inf}  # V - v_inf by rates
    for rate, i in zip(k, (case.i, case.j1, case.j2), strict=True):
        part = m * mpf(i) / (m - rate)
        u[rate] = part
        u[m] -= part
    h = {rate: push * c / (y - rate) for rate, c in u.items()}  # H - h_inf by rates
    h[y] = mpf(case.threshold) - h_inf - mpmath.fsum(h.values())
    return _Sum([(v_inf, mpf(0)), *((c, r) for r, c in u.items())]), _Sum(
        [(h_inf, mpf(0)), *((c, r) for r, c in h.items())]
    )


def difference(case: Case) -> _Sum:
    """V minus its threshold."""
    (v_inf, *u), (h_inf, *h) = (one.terms for one in potentials(case))
    of_v = {rate: c for c, rate in u}
    return _Sum([(v_inf[0] - h_inf[0], mpf(0)), *((of_v.get(rate, mpf(0)) - c, rate) for c, rate in h)])


def turns(case: Case, f: _Sum) -> list[Any]:
    """0, the times at which V - threshold turns, and one after which nothing happens."""
    end = 1200 * max(mpf(getattr(case, name)) for name in TIMES)  # all exponentials are below 1e-500
    return [mpf(0), *_Sum([(-r * c, r) for c, r in f.terms[1:]]).zeros(end), end]


def solve(case: Case) -> Solution:
    """The first upward crossing from V < threshold."""
    f = difference(case)
    ends = turns(case, f)
    values = [f(s) for s in ends]
    for k in range(len(ends) - 1):
        if values[k] < 0 <= values[k + 1]:
            time = _bisected(f, ends[k], ends[k + 1], True)
            return Solution(time, f.slope(time), values[k + 1])
    return Solution(mpmath.inf, mpf(0), max(values))


def near_tangency(number: int) -> float:
    """What brings the highest V - threshold of a case to 0, or some units in the last place off."""
    case, draws = case_of(number), _Draws(MODELS[0], -FIRST - number)
    f = difference(case)
    top = float(max(map(f, turns(case, f))))
    shift = top + draws.sign() * draws.bits(1) * 2.0 ** draws.between(0, 20) * 2.0**-53
    return shift if shifted(case, shift).threshold > case.v else 0.0


def shifted(case: Case, shift: float) -> Case:
    """The case with another threshold; raised by `shift` as a whole."""
    return case._replace(threshold=case.threshold + shift, v_threshold=case.v_threshold + shift)


def cases(shifts: Any) -> list[Case]:
    """All cases; `shifts` are those of the near tangencies, in order."""
    kept = iter(shifts)
    made = (case_of(number) for number in range(N_CASES))
    return [case if case.kind != KINDS[TANGENCY] else shifted(case, float(next(kept))) for case in made]


def main() -> None:
    """Write the file."""
    mpmath.mp.dps = 110
    shifts = [near_tangency(number) for number in range(TANGENCY, N_CASES, len(KINDS))]
    solved = [solve(case) for case in cases(shifts)]
    np.savez_compressed(
        FILE,
        time=np.array([float(one.time) for one in solved]),
        slope=np.array([float(one.slope) for one in solved], dtype=np.float32),
        margin=np.array([float(one.margin) for one in solved], dtype=np.float32),
        shift=np.array(shifts),
    )


if __name__ == "__main__":
    main()
