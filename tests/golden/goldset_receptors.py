"""Cases of neurons that have receptors: currents that decay differently, reached by one projection each.

Used by `goldset_cases`. Most have an excitatory receptor, fast, and an inhibitory one, slower than the membrane.
"""

from typing import Any

import mpmath
from mpmath import mpf

from golden import receptors
from golden.goldset_case import BURSTS, E8, FEED, RING, Case, Population, Projection, net

TWO = {"excitatory": 2.0, "inhibitory": 16.0}
# Both as slow as a membrane of 8, but for 2^-40.
EQUAL = {"excitatory": 8.0, "inhibitory": 8.0 * (1 + 2.0**-40)}
FOUR = {"ampa": 2.0, "nmda": 32.0, "gaba_a": 4.0, "gaba_b": 64.0}
Inputs = list[tuple[float, float]]  # (t, weight)


def reached(name: str, model: str, about: str, inputs: dict[str, Inputs], until: float, **parameters: Any) -> Case:
    """A single neuron with inputs by receptor, each from a source neuron of its own; `rules` among the parameters."""
    rules = parameters.pop("rules", ())
    sources = {f"to_{receptor}": [[t] for t, _ in each] for receptor, each in inputs.items()}
    projections = [
        Projection(f"to_{receptor}", "neuron", 0.0, [(k, 0, w) for k, (_, w) in enumerate(each)], receptor)
        for receptor, each in inputs.items()
    ]
    cells = [Population("neuron", model, 1, parameters)]
    return net(f"{model}/receptors-{name}", about, until, sources, cells, projections, rules)


def highest(model: str, weights: tuple[float, float], off: float, tau_mem: float) -> float:
    """The highest potential after one input at each receptor at one time, moved by 1 + off and rounded once."""
    none = (0.0, 0.0)
    i, a = (none, weights) if model == "lif_alpha" else (weights, none)
    case = receptors.Case("", tau_mem, tuple(TWO.values()), 1e9, 0.0, 0.0, i, a, threshold=1e9)
    with mpmath.workdps(110):
        return float((receptors.solve(case).margin + 10**9) * (1 + mpf(off)))


def of_receptors(name: str, strong: float) -> list[Case]:
    """An input of weight `strong` at the excitatory receptor alone fires a neuron with tau_mem = 8."""
    own: dict[str, Any] = {"tau_mem": 8.0, "tau_syn": TWO}
    if name == "glif":
        own |= {"tau_threshold": 32.0, "threshold_jump": 0.125, "tau_1": 5.0, "after_1": -0.5, "kept_1": 0.5}
    weak = 0.125 * strong if name == "lif_alpha" else 0.375 * strong
    pair = (strong, -0.25 * strong)
    touch = {"excitatory": [(1.0, pair[0])], "inhibitory": [(1.0, pair[1])]}
    above, below = (highest(name, pair, off, 8.0) for off in (-(2.0**-24), 2.0**-24))
    cases = [
        reached("simultaneous", name, "Excitation and inhibition come at one time and decay each in its own way: one "
                "pair is silent, the other is not, and what is left of the inhibition holds the last input back.",
                {"excitatory": [(1.0, strong), (40.0, 6 * strong), (50.0, strong)],
                 "inhibitory": [(1.0, -strong), (40.0, -strong)]}, 80.0, t_ref=4.0, **own),
        reached("turns-twice", name, "Inhibition outlasts the excitation that comes with it: V rises, falls, and rises "
                "again to its threshold, by a drive.",
                {"excitatory": [(6.0, weak)], "inhibitory": [(6.0, -0.25 * strong)]}, 90.0, current=1.25, t_ref=60.0,
                **own),
        reached("sign", name, "The receptor of a projection counts, not the sign of its weight: each gets both.",
                {"excitatory": [(1.0, 2 * strong), (2.0, -strong)], "inhibitory": [(3.0, -0.25 * strong),
                 (4.0, strong)]}, 60.0, t_ref=3.0, **own),
        reached("tangent-above", name, "The threshold is 2^-24 of itself below the highest potential: one spike.",
                touch, 40.0, rules=("between-steps",), t_ref=39.0, **(own | {"v_threshold": above})),
        reached("tangent-below", name, "The threshold is 2^-24 of itself above the highest potential: silence.",
                touch, 40.0, **(own | {"v_threshold": below})),
        reached("refractory", name, "While V is held, both currents go on: the fast one fires the neuron again and "
                "again, until the slow one ends that.",
                {"excitatory": [(1.0, 4 * strong), (4.0, 4 * strong), (12.0, 4 * strong)],
                 "inhibitory": [(1.5 + E8, -0.5 * strong), (4.25, -strong)]}, 60.0, t_ref=1.0, **own),
        reached("equal", name, "Both currents are as slow as the membrane, one but for 2^-40: no digits may be lost.",
                {"excitatory": [(1.0, strong), (9.0, strong)], "inhibitory": [(3.0, -0.5 * strong)]}, 60.0, t_ref=2.0,
                **(own | {"tau_syn": EQUAL})),
        net(f"{name}/receptors-chain", "Spikes that reach receptors without delay: a excites b and inhibits c, which "
            "the input alone would have fired.", 30.0, {"input": [[1.0], [12.0]]},
            [Population(cell, name, 1, own | {"t_ref": 4.0}) for cell in "abc"],
            [Projection("input", "a", 0.0, [(0, 0, strong), (1, 0, 2 * strong)], "excitatory"),
             Projection("input", "c", 0.0, [(0, 0, 0.75 * strong), (1, 0, 0.75 * strong)], "excitatory"),
             Projection("a", "b", 0.0, [(0, 0, strong)], "excitatory"),
             Projection("a", "c", 0.0, [(0, 0, -strong)], "inhibitory")], ("zero-delay",)),
        net(f"{name}/receptors-recurrent", "Four neurons in a ring that excite each other by a fast current, one that "
            "inhibits two of them by a slow one; delay 1.", 20.0, {"input": BURSTS},
            [Population("cells", name, 5, own | {"t_ref": 1.0})],
            [Projection("input", "cells", 1.0, [(i, j, strong * w) for i, j, w in FEED], "excitatory"),
             Projection("cells", "cells", 1.0, [(i, j, strong * w) for i, j, w in RING if w > 0.0], "excitatory"),
             Projection("cells", "cells", 1.0, [(i, j, strong * w) for i, j, w in RING if w < 0.0], "inhibitory")],
            ("sum-then-test",)),
    ]  # fmt: skip
    if name == "lif_exp":
        cases += [
            reached("beginning", name, "An inhibitory current from the beginning holds a driven neuron back.", {}, 80.0,
                    current=1.5, t_ref=2.0, i_init={"excitatory": 0.0, "inhibitory": -4.0}, **own),
            reached("four", name, "Four receptors, two of them slower than the membrane.",
                    {"ampa": [(1.0, 6.0), (20.0, 6.0)], "nmda": [(1.0, 1.0), (20.0, 1.0)], "gaba_a": [(4.0, -4.0)],
                     "gaba_b": [(5.0, -0.5)]}, 120.0, t_ref=1.0, **(own | {"tau_syn": FOUR})),
        ]  # fmt: skip
    if name == "glif":
        cases.append(
            reached("adapts", name, "The threshold follows V, beside two receptors and a slow current of the neuron's "
                    "own spikes.", {"excitatory": [(1.0, 2 * strong), (9.0, 2 * strong)],
                    "inhibitory": [(5.0, -0.25 * strong)]}, 60.0, current=0.75, t_ref=2.0, coupling=0.25,
                    tau_2=64.0, after_2=0.125, **own),
        )  # fmt: skip
    return cases
