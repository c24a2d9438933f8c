"""First upward crossings of random states of neurons with several receptors, to 25 digits and more.

``python -m golden.receptors`` in the folder above writes ``receptors.npz`` beside this file (about five minutes); the
tests hold the models against it and solve some of its cases again. V minus threshold is written out as a constant and
exponentials, as in `glif`; a current that rises is the difference of two whose rates are apart by 1e-30 of themselves.
The gold set is made with the same solver and more digits.
Nothing of eventsim is imported.

Cases are a function of their model and number. The file holds, for each model, ``time`` (inf: no crossing), ``slope``
(of V - threshold there), ``margin`` (V - threshold at the end of the rise that crosses; of silent ones the largest
ever) and ``shift`` (what near tangencies take from their threshold, in order).
"""

from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

from golden.crossings import MODELS as OTHERS
from golden.crossings import Solution, _bisected, _Draws
from golden.glif import _Sum

FILE = Path(__file__).with_suffix(".npz")
N_CASES = 2_000
# How many receptors each has.
MODELS = {"lif_exp": 2, "lif_exp 4": 4, "lif_alpha": 2, "glif": 2}
KINDS = (
    "generic", "two equal", "all equal", "nearly equal", "large ratio", "near tangency", "near the threshold",
    "opposite currents", "drive above", "tiny and huge currents",
)  # fmt: skip
TANGENCY = KINDS.index("near tangency")
FIRST = 3_000_000  # behind the draws of `crossings` and `glif`


class Case(NamedTuple):
    """Parameters and state, not held: of `lif_alpha` also what rises, of `glif` also what adapts."""

    kind: str
    tau_mem: float
    tau_syn: tuple[float, ...]
    v_threshold: float
    v_inf: float
    v: float
    i: tuple[float, ...]
    a: tuple[float, ...]
    tau_threshold: float = 1.0
    coupling: float = 0.0
    threshold: float = 0.0
    tau_after: tuple[float, float] = (1.0, 1.0)
    j: tuple[float, float] = (0.0, 0.0)
    v_leak: float = 0.0  # of which the threshold follows V's distance


def case_of(model: str, number: int) -> Case:
    """Case `number` of a model; a near tangency still with an arbitrary threshold."""
    n, kind = MODELS[model], KINDS[number % len(KINDS)]
    draws = _Draws(OTHERS[0], FIRST + 100_000 * list(MODELS).index(model) + number)
    adapts = model == "glif"
    taus = [draws.size(-2, 4) for _ in range(n + 1 + 3 * adapts)]
    threshold = draws.size(-1, 0)
    v = threshold * (1.0 - draws.size(-4, 0))
    v_inf = threshold * (2.0 * draws.unit() - 1.0) * (0.5 + draws.bits(1))
    i = [draws.sign() * draws.size(-2, 3) for _ in range(n)]
    a = [draws.sign() * draws.size(-2, 3) if model == "lif_alpha" else 0.0 for _ in range(n)]
    first = draws.between(0, len(taus) - 1)
    if kind == "two equal":
        taus[(first + 1) % len(taus)] = taus[first]
    elif kind == "all equal":
        taus = [taus[0]] * len(taus)
    elif kind == "nearly equal":
        taus = [taus[0] * (1.0 + draws.sign() * draws.size(-51, -4)) for _ in taus]
    elif kind == "large ratio":
        taus[first] *= 2.0 ** (draws.sign() * draws.between(8, 30))
    elif kind == "near the threshold":
        v = threshold * (1.0 - draws.size(-40, -5))
    elif kind == "opposite currents":
        i = [abs(i[0]), *(-4.0 * abs(one) for one in i[1:])]
        a = [-abs(a[0]), *(4.0 * abs(one) for one in a[1:])]
    elif kind == "drive above":
        v_inf = threshold * (1.0 + draws.size(-6, 1))
    elif kind == "tiny and huge currents":
        i = [one * 2.0 ** draws.between(-30, 20) for one in i]
    elif kind == "near tangency":
        v, v_inf, i[0], a[0] = 0.5 * v, min(v_inf, 0.0), abs(i[0]) + 1.0, abs(a[0])
    case = Case(kind, taus[0], tuple(taus[1 : n + 1]), threshold, v_inf, v, tuple(i), tuple(a), threshold=threshold)
    if not adapts:
        return case
    return case._replace(
        tau_threshold=taus[n + 1], tau_after=(taus[n + 2], taus[n + 3]), coupling=draws.sign() * draws.size(-6, -1),
        threshold=max(threshold * (0.75 + draws.unit()), 1.0001 * v),
        j=(draws.sign() * draws.size(-2, 1), draws.sign() * draws.size(-2, 1)),
    )  # fmt: skip


def _apart(taus: list[float]) -> list[Any]:
    """One over each time constant; equal ones are moved apart by 30 of 110 digits, or as many of others."""
    apart = mpf(10) ** -(3 * mpmath.mp.dps // 11)
    return [1 / (mpf(tau) * (1 + taus[:k].count(tau) * apart)) for k, tau in enumerate(taus)]


def potentials(case: Case) -> tuple[_Sum, _Sum]:
    """V and its threshold."""
    rises, own = any(case.a), bool(case.coupling or any(case.j))
    taus = [*case.tau_syn, *case.tau_after] if own else [*case.tau_syn]
    m, y, *rates = _apart([case.tau_mem, case.tau_threshold, *taus, *(case.tau_syn if rises else ())])
    v_inf = mpf(case.v_inf)
    u: dict[Any, Any] = {m: mpf(case.v) - v_inf}  # V - v_inf by rates

    def drive(rate: Any, size: Any) -> None:
        part = m * size / (m - rate)
        u[rate] = u.get(rate, mpf(0)) + part
        u[m] -= part

    for rate, size in zip(rates, [*case.i, *case.j] if own else case.i, strict=False):
        drive(rate, mpf(size))
    if rises:
        n = len(case.tau_syn)
        for one, other, a, tau in zip(rates[:n], rates[-n:], case.a, case.tau_syn, strict=True):
            size = mpf(a) * mpmath.e / mpf(tau) / (other - one)
            drive(one, size)
            drive(other, -size)
    coupling = mpf(case.coupling)
    h_inf = mpf(case.v_threshold) + coupling * (v_inf - mpf(case.v_leak))
    h = {rate: coupling * y * c / (y - rate) for rate, c in u.items() if coupling}
    h[y] = mpf(case.threshold) - h_inf - mpmath.fsum(h.values())

    def summed(limit: Any, parts: dict[Any, Any]) -> _Sum:
        return _Sum([(limit, mpf(0)), *((c, r) for r, c in parts.items() if c)])

    return summed(v_inf, u), summed(h_inf, h)


def difference(case: Case) -> _Sum:
    """V minus its threshold."""
    (v_inf, *u), (h_inf, *h) = (one.terms for one in potentials(case))
    sizes = {rate: c for c, rate in u}
    for c, rate in h:
        sizes[rate] = sizes.get(rate, mpf(0)) - c
    return _Sum([(v_inf[0] - h_inf[0], mpf(0)), *((c, rate) for rate, c in sizes.items())])


def turns(case: Case, f: _Sum) -> list[Any]:
    """0, the times at which V - threshold turns, and one after which nothing happens."""
    end = 1200 * max(mpf(tau) for tau in (case.tau_mem, *case.tau_syn, case.tau_threshold, *case.tau_after))
    return [mpf(0), *_Sum([(-r * c, r) for c, r in f.terms[1:]]).zeros(end), end]


def solve(case: Case) -> Solution:
    """The first upward crossing from V < threshold."""
    f = difference(case)
    ends = turns(case, f)
    values = [f(s) for s in ends]
    for k in range(len(ends) - 1):
        if values[k] < 0 <= values[k + 1]:
            low, high = ends[k], ends[k + 1]
            step = high * mpf(2) ** -60
            while low + step < high and f(low + step) < 0:
                step *= 8
            time = _bisected(f, low, min(low + step, high), True)
            return Solution(time, f.slope(time), values[k + 1])
    return Solution(mpmath.inf, mpf(0), max(values))


def near_tangency(model: str, number: int) -> float:
    """What brings the highest V - threshold of a case to 0, or some units in the last place off."""
    case, draws = case_of(model, number), _Draws(OTHERS[0], -FIRST - number)
    f = difference(case)
    top = float(max(map(f, turns(case, f))))
    shift = top + draws.sign() * draws.bits(1) * 2.0 ** draws.between(0, 20) * 2.0**-53
    return shift if shifted(case, shift).threshold > case.v else 0.0


def shifted(case: Case, shift: float) -> Case:
    """The case with another threshold; raised by `shift` as a whole."""
    return case._replace(threshold=case.threshold + shift, v_threshold=case.v_threshold + shift)


def cases(model: str, shifts: Any) -> list[Case]:
    """All cases of a model; `shifts` are those of the near tangencies, in order."""
    kept = iter(shifts)
    made = (case_of(model, number) for number in range(N_CASES))
    return [case if case.kind != KINDS[TANGENCY] else shifted(case, float(next(kept))) for case in made]


def main() -> None:
    """Write the file."""
    mpmath.mp.dps = 110
    arrays: dict[str, Any] = {}
    for model in MODELS:
        shifts = [near_tangency(model, number) for number in range(TANGENCY, N_CASES, len(KINDS))]
        solved = [solve(case) for case in cases(model, shifts)]
        arrays[f"{model}_time"] = np.array([float(one.time) for one in solved])
        arrays[f"{model}_slope"] = np.array([float(one.slope) for one in solved], dtype=np.float32)
        arrays[f"{model}_margin"] = np.array([float(one.margin) for one in solved], dtype=np.float32)
        arrays[f"{model}_shift"] = np.array(shifts)
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
