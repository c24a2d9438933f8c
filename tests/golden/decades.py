"""First crossings of neurons whose parameters are spread over twelve decades, to 50 digits and more.

``python -m golden.decades`` in the folder above writes ``decades.npz`` beside this file (some ten minutes); the tests
hold the models against it, and solve some of its cases again. Every parameter and every part of the state is drawn
log-uniformly between 1e-6 and 1e6, of either sign where that makes sense; half of the drives lie above the threshold,
some of them just above. Solved as in `crossings` and `glif`, without anything of eventsim.

For each model the file holds ``<model>_time`` (inf: no crossing) and ``<model>_condition``: by how many times its own
relative size the time moves, at most, where each number that the neuron is made of moves by its relative size. No float
computation can do better than a rounding times this.
"""

from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from golden import crossings, glif
from golden.crossings import Case, _Draws, _Potential

FILE = Path(__file__).with_suffix(".npz")
MODELS = ("lif_delta", "lif_exp", "if_exp", "lif_alpha", "alpha_psp", "glif")
N_CASES = 10_000
FIRST = 5_000_000  # the draws of `crossings` and `glif` end before
NUDGE = mpf(10) ** -30


class _Decades:
    """Draws of one case."""

    def __init__(self, model: str, number: int) -> None:
        self.draws = _Draws(crossings.MODELS[0], FIRST + N_CASES * MODELS.index(model) + number)

    def size(self) -> float:
        """Log-uniform between 1e-6 and 1e6."""
        return float(10.0 ** (12.0 * self.draws.unit() - 6.0))

    def below(self, threshold: float) -> float:
        """A potential below the threshold: nearly always by a decade of its own."""
        return threshold - self.size() * (1.0 if self.draws.bits(1) else threshold)

    def drive(self, threshold: float) -> float:
        """Where V goes without input: far or just above the threshold, or below it."""
        kind = self.draws.bits(2)
        if kind == 0:
            return self.draws.sign() * self.size()
        return threshold * (1.0 + self.size() * (1.0 if kind == 1 else 1e-3)) if kind < 3 else threshold + self.size()


def case_of(model: str, number: int) -> Any:
    """Case `number` of a model."""
    made = _Decades(model, number)
    threshold = made.size()
    v = min(made.below(threshold), float(np.nextafter(threshold, 0.0)))
    if model == "glif":
        taus = [made.size() for _ in glif.TIMES]
        v_leak, currents = made.draws.sign() * made.size(), [made.draws.sign() * made.size() for _ in range(3)]
        coupling = made.draws.sign() * made.size() * 1e-3 if made.draws.bits(1) else 0.0
        current = made.drive(threshold) - v_leak
        parts = (*taus, v_leak, current, threshold, coupling, v, threshold, *currents)
        return glif.Case._make(("decades", *parts))
    still = model == "lif_delta"
    i, a = (0.0, 0.0) if still else (made.draws.sign() * made.size(), made.draws.sign() * made.size())
    free = model in ("if_exp", "alpha_psp")
    v_inf = 0.0 if free else made.drive(threshold)
    r = 1.0 if free or still else made.draws.sign() * made.size()
    return Case("decades", made.size(), made.size(), r, threshold, v_inf, v, i, a)


def difference(model: str, case: Any) -> Any:
    """V minus the threshold, as a function of time."""
    return glif.difference(case) if model == "glif" else _Potential(model, case)


def solve(model: str, case: Any) -> tuple[Any, Any]:
    """(The time of the first crossing, its condition number); (inf, 0) where there is none."""
    found = glif.solve(case) if model == "glif" else crossings.solve(model, case)
    if found.time == mpmath.inf:
        return mpmath.inf, mpf(0)
    at = difference(model, case)(found.time)
    moved = mpf(0)
    for name in case._fields[1:]:
        nudged = case._replace(**{name: mpf(getattr(case, name)) * (1 + NUDGE)})
        moved += abs(difference(model, nudged)(found.time) - at) / NUDGE
    return found.time, 1 + moved / abs(found.slope * found.time)


def main() -> None:
    """Write the file."""
    mpmath.mp.dps = 100
    arrays: dict[str, Any] = {}
    for model in MODELS:
        solved = [solve(model, case_of(model, number)) for number in range(N_CASES)]
        arrays[f"{model}_time"] = np.array([float(time) for time, _ in solved])
        arrays[f"{model}_condition"] = np.array([float(condition) for _, condition in solved], dtype=np.float32)
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
