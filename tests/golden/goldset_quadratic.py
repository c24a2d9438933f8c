"""Cases of the quadratic neuron: each of the ways that V can take. Used by `goldset_cases`."""

from typing import Any

from golden.goldset_case import BURSTS, FEED, NEAR, RING, Case, Population, Projection, net, one


def of_qif() -> list[Case]:
    """With v_leak = 0, v_critical = 0.5 and threshold 2; a drive of more than 1/16 makes it fire by itself."""
    name = "qif"
    own: dict[str, Any] = {"tau_mem": 8.0, "v_threshold": 2.0, "v_reset": 0.0, "v_critical": 0.5, "t_ref": 1.0}
    theta: dict[str, Any] = {"tau_mem": 8.0, "v_threshold": 1e100, "v_reset": -1e100}
    return [
        one("runs", name, "A drive under which the neuron never rests.", [], 120.0, current=0.25, **own),
        one("hardly-runs", name, "A drive 2^-10 above the least one that makes it fire: V passes slowly.", [], 1000.0,
            current=0.0625 + 2.0**-10, **own),
        one("runs-with-inputs", name, "Inputs bring the next spike forward and put it off.",
            [(5.0, 0.5), (30.0, -0.75), (50.0, 1.5)], 120.0, current=0.125, **own),
        one("above-critical", name, "An input lifts V above v_critical, from where it runs away by itself.",
            [(1.0, 0.75)], 60.0, **own),
        one("falls-back", name, "An input leaves V below v_critical; it falls back, so that two more inputs are "
            "needed.", [(1.0, 0.375), (20.0, 0.375), (20.5, 0.375)], 80.0, **own),
        one("critical", name, "V is brought to exactly v_critical and stays there, until one more input decides.",
            [(1.0, 0.5), (40.0, NEAR)], 400.0, **own),
        one("critical-below", name, "The same, and the input takes 2^-30 away: silence.", [(1.0, 0.5), (40.0, -NEAR)],
            400.0, **own),
        one("to-the-threshold", name, "Inputs bring V to exactly its threshold.", [(1.0, 2.0), (3.0, 1.25),
            (3.0, 0.75)], 20.0, ("inclusive-threshold", "sum-then-test"), **own),
        one("turned-back", name, "Inhibition takes V below v_critical while it runs away.", [(1.0, 0.75), (4.0, -0.5)],
            80.0, **own),
        one("at-rest", name, "v_leak = v_critical: V above it runs away, slowly at first; rational times.",
            [(1.0, 0.25)], 80.0, **(own | {"v_critical": 0.0})),
        one("threshold-below-rest", name, "The threshold is below rest: the neuron fires by itself on its way there.",
            [(10.0, -0.5)], 40.0, v_init=-1.0, **(own | {"v_threshold": -0.25, "v_reset": -1.0})),
        one("refractory", name, "Inputs while the neuron is refractory are discarded, one at the end is not.",
            [(1.0, 2.5), (1.5, 1.0), (2.0, 0.75)], 60.0, ("release-first",), **own),
        one("theta", name, "Infinite thresholds: the theta neuron, driven; 8 pi from spike to spike, but for inputs.",
            [(20.0, 0.5), (45.0, -2.0)], 150.0, current=1.0, **theta),
        one("theta-excitable", name, "The theta neuron with a negative drive rests at -1 and is excited above 1.",
            [(4.0, 1.75), (20.0, 2.5)], 80.0, v_init=-1.0, current=-1.0, **theta),
        one("once", name, "One spike at most.", [(4.0, 2.0)], 60.0, spikes="once", current=0.25, **own),
        net(f"{name}/chain", "A chain without delays: three spikes at one time.", 12.0, {"input": [[2.0]]},
            [Population(k, name, 1, own) for k in "abc"],
            [Projection("input", "a", 0.0, [(0, 0, 2.5)]), Projection("a", "b", 0.0, [(0, 0, 2.5)]),
             Projection("b", "c", 0.0, [(0, 0, 2.0)])], ("zero-delay", "inclusive-threshold")),
        net(f"{name}/recurrent", "Four neurons in a ring, one that inhibits two of them; delay 1.", 40.0,
            {"input": BURSTS}, [Population("cells", name, 5, own)],
            [Projection("input", "cells", 1.0, [(i, j, w) for i, j, w in FEED]),
             Projection("cells", "cells", 1.0, [(i, j, w) for i, j, w in RING])], ("sum-then-test",)),
    ]  # fmt: skip
