"""The networks of the gold set: small, each with one thing that simulators get wrong. Used by `goldset`.

Those of `goldset_receptors` and `goldset_quadratic` are among them.
"""

from typing import Any

from golden.goldset_case import (
    E8,
    NEAR,
    Case,
    Population,
    Projection,
    all_to_all,
    lacking,
    net,
    one,
    recurrent,
    tangent,
    visited,
)
from golden.goldset_quadratic import of_qif
from golden.goldset_receptors import of_receptors


def of_if_delta() -> list[Case]:
    """A current moves V in a straight line."""
    name = "if_delta"
    return [
        one("drive", name, "A current of 1/3, as the nearest float64: a spike every 3, then held for 1.", [], 30.0,
            current=1.0 / 3.0, t_ref=1.0),
        one("inputs", name, "Inputs bring the next spike forward, and put it off.",
            [(0.5, 0.25), (3.0, 0.5), (4.0, -0.75), (7.5, 0.125)], 20.0, current=0.25),
        one("crossing-first", name, "What was certain before t happens before what arrives at t.",
            [(4.0, -2.0), (8.0, 0.5)], 40.0, ("crossing-first",), current=0.25),
        one("falling", name, "A negative current: only an input can make V cross.",
            [(1.0, 1.0), (1.5, 0.25), (2.0, 0.5)], 10.0, ("inclusive-threshold",), current=-0.25),
        one("soft", name, "A soft reset keeps what is above the threshold.",
            [(1.0, 2.0), (5.25, 0.75)], 12.0, current=0.5, reset="soft", t_ref=0.25),
        one("strict", name, "On the threshold, a current that is not positive leaves V there.",
            [(1.0, 1.0), (2.0, 0.25)], 10.0, current=0.0, comparator="strict"),
    ]  # fmt: skip


def of_lif_delta() -> list[Case]:
    """Inputs move V at once."""
    name = "lif_delta"
    own: dict[str, Any] = {"tau_mem": 16.0, "t_ref": 1.0}
    return [
        one("drive", name, "A drive above the threshold: equal intervals of irrational length.", [], 64.0,
            current=1.5, **own),
        one("sum", name, "+2 and -1.5 at one time make 0.5: silence. One at a time, in one of the orders, would fire.",
            [(1.0, 2.0), (1.0, -1.5), (6.0, 0.25)], 10.0, ("sum-then-test",), **own),
        one("sum-fires", name, "Three inputs of one time make exactly the threshold.",
            [(3.0, 0.5), (3.0, 0.75), (3.0, -0.25)], 10.0, ("sum-then-test", "inclusive-threshold"), **own),
        one("near-tie", name, "The inhibitory input comes 2^-30 after the excitatory one: too late.",
            [(3.0, 1.25), (3.0 + NEAR, -1.0)], 10.0, ("between-steps",), **own),
        one("refractory", name, "Spike at 1, t_ref = 0.5: what comes at 1.25 is discarded, what comes at 1.5 is not.",
            [(1.0, 1.25), (1.25, 1.25), (1.5, 1.25), (2.0 - NEAR, 1.25), (2.0, 0.75), (2.0, 0.5)], 10.0,
            ("release-first", "sum-then-test"), **(own | {"t_ref": 0.5})),
        one("refractory-grid", name, "t_ref = 2.3125 is a multiple of 1/16 only; inputs at its end and just before it.",
            [(1.0, 1.25), (3.3125, 1.25), (5.625 - NEAR, 1.5), (5.625, 0.75)], 12.0, ("release-first",),
            **(own | {"t_ref": 2.3125})),
        one("limit", name, "A drive of exactly the threshold never reaches it; a small input does the rest.",
            [(100.0, 2.0**-6)], 110.0, ("limit-is-never",), current=1.0, **own),
        one("just-above", name, "The second input brings V to the threshold and 2^-40 of it more.",
            [(1.0, 0.5), (9.0, lacking(0.5, 8.0, 16.0, 2.0**-40))], 12.0, (), **own),
        one("just-below", name, "The second input leaves 2^-40 of the threshold.",
            [(1.0, 0.5), (9.0, lacking(0.5, 8.0, 16.0, -(2.0**-40)))], 12.0, (), **own),
        one("soft-reset", name, "A soft reset leaves 2.75: the neuron fires again at each end of t_ref.",
            [(1.0, 3.75), (1.25, 1.0), (8.0, 1.0)], 12.0, ("release-first",), reset="soft",
            **(own | {"t_ref": 0.5})),
        one("once", name, "One spike at most, whatever the drive.", [(4.0, 2.0)], 40.0, (), spikes="once", current=1.25,
            **own),
        net(f"{name}/chain", "A chain without delays: three spikes at one time, of which the last is held back.", 12.0,
            {"input": [[2.0], [5.0]]}, [Population(k, name, 1, own) for k in "abc"],
            [Projection("input", "a", 0.0, [(0, 0, 1.25), (1, 0, 1.25)]), Projection("input", "c", 0.0, [(1, 0, -0.5)]),
             Projection("a", "b", 0.0, [(0, 0, 1.25)]), Projection("b", "c", 0.0, [(0, 0, 1.25)])], ("zero-delay",)),
        net(f"{name}/micro-steps", "b's excitation comes at once, its inhibition by way of a neuron, at one time: b "
            "has fired by then.", 12.0, {"input": [[2.0]]}, [Population(k, name, 1, own) for k in ("relay", "b")],
            [Projection("input", "relay", 0.0, [(0, 0, 1.25)]), Projection("input", "b", 0.0, [(0, 0, 1.25)]),
             Projection("relay", "b", 0.0, [(0, 0, -1.0)])], ("zero-delay",)),
        net(f"{name}/delays", "Two ways of equal length, 0.5 + 1 and 1.5, end at one time and are added up.", 12.0,
            {"input": [[1.0]]}, [Population(k, name, 1, own) for k in ("middle", "end")],
            [Projection("input", "middle", 0.5, [(0, 0, 1.25)]), Projection("middle", "end", 1.0, [(0, 0, -1.0)]),
             Projection("input", "end", 1.5, [(0, 0, 1.5)])], ("sum-then-test",)),
        recurrent(name, 1.0, 1.5, **(own | {"t_ref": 2.0})),
        net(f"{name}/driven-pair", "Two driven neurons that inhibit each other: each spike depends on all before it.",
            100.0, {}, [Population("pair", name, 2, own | {"current": [1.5, 1.375]})],
            [Projection("pair", "pair", 2.0, [(0, 1, -0.25), (1, 0, -0.25)])]),
    ]  # fmt: skip


def of_currents(name: str, strong: float, weight: float) -> list[Case]:
    """`lif_exp` and `lif_alpha`; an input of weight `strong` fires a neuron with tau_mem = 8, tau_syn = 2.

    `weight` is that of the recurrent network.
    """
    own: dict[str, Any] = {"tau_mem": 8.0, "tau_syn": 2.0}
    single = [(1.0, 4.0)]
    return [
        one("one-input", name, "One input, one spike, some time after it.", [(1.0, strong)], 40.0, t_ref=30.0, **own),
        one("again", name, "While V is held, the current goes on: it fires the neuron again and again.",
            [(1.0, 4 * strong)], 40.0, t_ref=1.0, **own),
        one("equal", name, "Equal time constants.", [(1.0, strong), (2.5, strong)], 40.0, t_ref=1.0, tau_mem=4.0,
            tau_syn=4.0),
        one("nearly-equal", name, "Time constants that differ by 2^-40 of themselves: no digits may be lost.",
            [(1.0, strong), (2.5, strong)], 40.0, t_ref=1.0, tau_mem=4.0, tau_syn=4.0 * (1 + 2.0**-40)),
        one("no-refractoriness", name, "V is reset to 0 and rises again at once.", [(1.0, strong), (2.5, 2 * strong)],
            40.0, **own),
        one("slow-current", name, "A current that is slower than the membrane.", [(1.0, 1.5), (9.0, -1.0)], 60.0,
            t_ref=1.0, tau_mem=2.0, tau_syn=16.0),
        one("slow-again", name, "The same without a refractory period.", [(1.0, 1.5), (9.0, -1.0)], 60.0, tau_mem=2.0,
            tau_syn=16.0),
        one("tangent-above", name, "The threshold is 2^-24 of itself below the highest potential: one spike.", single,
            40.0, ("between-steps",), t_ref=39.0, v_threshold=tangent(name, single, -(2.0**-24), **own), **own),
        one("tangent-below", name, "The threshold is 2^-24 of itself above the highest potential: silence.", single,
            40.0, (), v_threshold=tangent(name, single, 2.0**-24, **own), **own),
        one("visit", name, "V is above its threshold for a moment only, between two points of any grid.",
            [(1.0, 2 * strong), (1.5 + 3 * E8, -8 * strong)], 20.0, ("between-steps",), t_ref=1.0,
            v_threshold=visited(name, 2 * strong, 0.5 + 2 * E8, **own), **own),
        one("rebound", name, "Inhibition against a drive: V falls first and crosses on its way back.",
            [(30.0, -2 * strong)], 80.0, current=1.25, t_ref=2.0, **own),
        one("simultaneous", name, "Inputs of one time are one input.", [(1.0, strong), (1.0, -strong), (4.0, strong)],
            40.0, t_ref=30.0, **own),
        one("once", name, "One spike at most.", [(1.0, 8 * strong)], 40.0, spikes="once", **own),
        recurrent(name, weight, 1.0, t_ref=1.0, **own),
    ]  # fmt: skip


def of_if_exp() -> list[Case]:
    """No leak: V tends to a limit."""
    name = "if_exp"
    own: dict[str, Any] = {"tau_syn": 2.0}
    return [
        one("one-input", name, "One input that is strong enough.", [(1.0, 1.0)], 20.0, t_ref=10.0, **own),
        one("limit", name, "V tends to exactly its threshold and is silent.", [(1.0, 0.5)], 200.0, ("limit-is-never",),
            **own),
        one("beyond-the-limit", name, "V tends to the threshold and 2^-10 of it more: a late spike.",
            [(1.0, 0.5 + 2.0**-11)], 200.0, t_ref=150.0, **own),
        one("again", name, "While V is held, the current goes on.", [(1.0, 4.0)], 20.0, t_ref=0.5, **own),
        one("turned-away", name, "An inhibitory input takes the current away before the threshold is reached.",
            [(1.0, 1.0), (2.0, -1.0), (5.0, 0.5)], 20.0, t_ref=10.0, **own),
        one("once", name, "One spike at most (Mostafa 2017).", [(0.5, 1.0), (0.75, 1.0)], 20.0, spikes="once", **own),
        recurrent(name, 0.5, 1.0, t_ref=1.0, **own),
    ]  # fmt: skip


def of_alpha_psp() -> list[Case]:
    """The Lambert W function has the answers of single inputs."""
    name, single = "alpha_psp", [(1.0, 2.0)]
    own: dict[str, Any] = {"tau_syn": 2.0}
    return [
        one("one-input", name, "One input that is strong enough.", single, 20.0, t_ref=19.0, **own),
        one("tangent-above", name, "The threshold is 2^-24 of itself below the highest potential: one spike.", single,
            20.0, ("between-steps",), t_ref=19.0, v_threshold=tangent(name, single, -(2.0**-24), **own), **own),
        one("tangent-below", name, "The threshold is 2^-24 of itself above the highest potential: silence.", single,
            20.0, (), v_threshold=tangent(name, single, 2.0**-24, **own), **own),
        one("several", name, "Three inputs, one of them negative.", [(1.0, 1.0), (2.25, -0.5), (3.5, 1.5)], 20.0,
            t_ref=19.0, **own),
        one("again", name, "After the spike what earlier inputs still add is kept.", [(1.0, 8.0)], 20.0, t_ref=0.25,
            **own),
        one("once", name, "One spike at most (Comsa et al. 2020).", [(0.5, 4.0), (0.75, 4.0)], 20.0, spikes="once",
            **own),
        recurrent(name, 1.25, 1.0, t_ref=1.0, **own),
    ]  # fmt: skip


def of_glif() -> list[Case]:
    """Currents of a neuron's own spikes, and a threshold that adapts."""
    name = "glif"
    own: dict[str, Any] = {"tau_mem": 8.0, "tau_syn": 2.0, "tau_threshold": 32.0, "tau_1": 5.0, "tau_2": 64.0}
    return [
        one("as-lif", name, "Nothing adapts: a driven leaky neuron.", [], 60.0, current=1.5, t_ref=1.0, **own),
        one("threshold", name, "Each spike raises the threshold, which relaxes slowly.", [], 100.0, current=2.0,
            t_ref=1.0, threshold_jump=0.5, **own),
        one("after-currents", name, "A fast current that hyperpolarises, a slow one that depolarises.", [], 60.0,
            current=1.5, t_ref=1.0, after_1=-1.0, after_2=0.125, kept_1=0.5, **own),
        one("follows", name, "The threshold follows V, so that a slow rise is silent and a fast one fires.",
            [(20.0, 4.0), (40.0, 16.0)], 60.0, current=0.75, coupling=1.0, t_ref=2.0,
            **(own | {"tau_threshold": 4.0})),
        one("released-above", name, "A threshold that has fallen below v_reset by the end of t_ref: the neuron fires "
            "when it is released.", [(1.0, 64.0)], 12.0, (), t_ref=4.0, coupling=4.0, v_threshold=0.75,
            threshold_reset=0.625, v_reset=-0.5, **(own | {"tau_threshold": 1.0})),
        recurrent(name, 4.0, 1.0, t_ref=1.0, threshold_jump=0.25, after_1=-0.5, **own),
    ]  # fmt: skip


def of_linear_psp() -> list[Case]:
    """Rational spike times."""
    name = "linear_psp"
    return [
        one("thirds", name, "Slopes 1 and 3: the spike is at 4/3.", [(0.0, 1.0), (1.0, 2.0)], 10.0, threshold=2.0),
        one("at-the-crossing", name, "An inhibitory input at exactly the crossing comes too late.",
            [(0.0, 1.0), (1.0, -5.0)], 10.0, ("crossing-first",), threshold=1.0),
        one("before-the-crossing", name, "2^-30 earlier it is in time.", [(0.0, 1.0), (1.0 - NEAR, -5.0)], 10.0,
            ("between-steps",), threshold=1.0),
        one("turned-away", name, "V rises, falls, rises again and crosses at 32/7.",
            [(0.0, 2.0), (1.0, -3.0), (2.0, 1.0), (3.0, 7.0)], 20.0, threshold=12.0),
        one("simultaneous", name, "Three inputs at one time: slopes are added, V is continuous.",
            [(1.0, 3.0), (1.0, -1.0), (1.0, 1.0)], 10.0, ("sum-then-test",), threshold=1.0),
        one("no-slope", name, "Slope 0 below the threshold: silence.", [(0.0, 1.0), (0.5, -1.0)], 10.0, threshold=1.0),
        one("until", name, "The crossing is at `until`: it does not happen.", [(0.0, 1.0)], 4.0, ("until",),
            threshold=4.0),
        net(f"{name}/layers", "Two layers with delays: the denominators of spike times grow.", 20.0,
            {"input": [[0.125], [0.75], [1.5]]},
            [Population("first", name, 3, {"threshold": 1.0}),
             Population("second", name, 2, {"threshold": [1.0, 3.0]})],
            [Projection("input", "first", 0.25, [(0, 0, 3.0), (1, 0, -1.0), (0, 1, 1.0), (1, 1, 2.0), (2, 1, 4.0),
                                                 (1, 2, 0.75), (2, 2, 0.375)]),
             Projection("first", "second", 0.5, [(0, 0, 1.25), (1, 0, -0.5), (2, 0, 3.0), (0, 1, 0.5), (2, 1, 2.5)])]),
        net(f"{name}/inhibits-itself", "A delay-free loop: a's spike silences b, which would have fired later.", 20.0,
            {"input": [[0.0]]}, [Population("pair", name, 2, {"threshold": [1.0, 2.0]})],
            [Projection("input", "pair", 0.0, [(0, 0, 3.0), (0, 1, 3.0)]),
             Projection("pair", "pair", 0.0, [(0, 1, -3.0), (1, 0, -3.0)])], ("zero-delay",)),
        net(f"{name}/crossing-meets-spike", "a's spike reaches b at exactly b's crossing: both fire.", 20.0,
            {"input": [[0.0]]}, [Population("pair", name, 2, {"threshold": [1.0, 3.0]})],
            [Projection("input", "pair", 0.0, [(0, 0, 1.0), (0, 1, 1.0)]),
             Projection("pair", "pair", 2.0, [(0, 1, -3.0)])], ("crossing-first",)),
    ]  # fmt: skip


def of_ttfs() -> list[Case]:
    """B1 and alpha1, with windows."""
    window, b1, alpha1 = (0.0, 1.0, 3.0), "ttfs_b1", "ttfs_alpha1"
    cases = [
        one("coded", b1, "Two inputs in time; slope 1 from t_min on.", [(0.25, 1.5), (0.625, -0.75)], 10.0, (), window,
            threshold=1.5),
        one("slope", b1, "Slope 3 from t_min on: the spike is at 4/3.", [(0.0, 1.0)], 10.0, (), window, threshold=2.0,
            slope=3.0),
        one("premature", b1, "The first input drives V over the threshold before the second one is there.",
            [(0.125, 10.0), (0.75, -28.0)], 10.0, ("premature",), window, threshold=0.875),
        one("at-t-min", b1, "V reaches the threshold at exactly t_min, on the old slope.", [(0.5, 2.0)], 10.0, (),
            window, threshold=1.0),
        one("late", b1, "Inputs at t_min and after it change nothing.", [(0.5, 1.0), (1.0, 50.0), (1.25, -50.0)], 10.0,
            ("late-input",), window, threshold=1.0),
        one("at-t-max", b1, "The crossing is at exactly t_max: silence.", [], 10.0, ("half-open-window",), window,
            threshold=2.0),
        one("before-t-max", b1, "2^-30 before t_max: a spike.", [], 10.0, ("half-open-window",), window,
            threshold=2.0 - NEAR),
        one("at-once", b1, "A threshold <= 0 fires at t_start.", [(0.5, 1.0)], 10.0, ("premature",), (0.5, 1.0, 3.0),
            threshold=-0.25),
        one("before-t-start", b1, "An input before t_start only adds its slope.", [(0.25, 1.5)], 10.0, (),
            (1.0, 2.0, 4.0), threshold=2.0),
        one("coded", alpha1, "Slope 1 + 2 from 0.25 on; the silent input's weight joins at t_min.",
            [(0.25, 2.0)], 10.0, (), window, threshold=4.0, slope=7.0),
        one("premature", alpha1, "A crossing before t_min.", [(0.25, 2.0)], 10.0, ("premature",), window, threshold=2.0,
            slope=3.0),
        one("late", alpha1, "An input at t_min is late and integrated.", [(0.25, 2.0), (1.0, 4.0)], 10.0,
            ("late-input",), window, threshold=4.0, slope=3.0),
        one("late-inhibition", alpha1, "A late inhibitory input turns V away from its threshold.",
            [(0.25, 2.0), (1.25, -4.0)], 10.0, ("late-input",), window, threshold=4.5, slope=3.0),
        one("at-t-max", alpha1, "The crossing is at exactly t_max: silence.", [], 10.0, ("half-open-window",), window,
            threshold=3.0, slope=1.0),
    ]  # fmt: skip
    first = Population("hidden", b1, 3, {"threshold": [1.5, 1.25, 2.5]}, window)
    second = Population("output", b1, 2, {"threshold": [2.5, 3.0], "slope": 1.0}, (1.0, 3.0, 6.0))
    read = Population("read", "integrator", 2, {"drift": [0.25, -0.5]}, (1.0, 3.0, float("inf")))
    into = Projection("input", "hidden", 0.0, [(0, 0, 0.5), (1, 0, 0.25), (0, 1, -0.5), (1, 1, 0.75), (1, 2, 0.25)])
    onward = [(0, 0, 0.75), (1, 0, -0.25), (2, 0, 0.5), (0, 1, -0.5), (1, 1, 1.0), (2, 1, 0.25)]
    source = {"input": [[0.375], [0.75]]}
    return [
        *cases,
        net(f"{b1}/layers", "Two layers whose windows follow each other.", 10.0, source, [first, second],
            [into, Projection("hidden", "output", 0.0, onward)], ("half-open-window",)),
        net("integrator/read-out", "A read-out behind a layer: potentials at t_min = 3.", 10.0, source, [first, read],
            [into, Projection("hidden", "read", 0.0, onward)]),
        one("late", "integrator", "Inputs at t_min and later do not count; one before t_start adds its slope.",
            [(0.25, 2.0), (1.5, -1.0), (3.0, 5.0), (3.5, 5.0)], 10.0, ("late-input",), (1.0, 3.0, float("inf"))),
        one("drift", "integrator", "No input: the drift alone.", [], 10.0, (), (0.5, 2.0, float("inf")), drift=0.75),
    ]  # fmt: skip


def of_falling_threshold() -> list[Case]:
    """Nothing before t_min."""
    name, window = "falling_threshold", (0.0, 1.0, 2.0)
    own: dict[str, Any] = {"threshold": 1.0}
    return [
        one("coded", name, "Slope 1/2 against a threshold that falls by 1.", [(0.25, 0.5)], 10.0, (), window, **own),
        one("above", name, "V is above the threshold at t_min: the spike is there, not before.", [(0.25, 4.0)], 10.0,
            (), window, **own),
        one("above-and-falling", name, "Above the threshold at t_min, whichever way V goes.",
            [(0.125, 4.0), (0.875, -8.0)], 10.0, (), window, **own),
        one("at-t-min", name, "An input at t_min comes after the window has opened, and is integrated.",
            [(0.5, 0.5), (1.0, 2.0)], 10.0, ("late-input",), window, **own),
        one("at-t-max", name, "No input: the threshold is 0 = V at exactly t_max, which is silence.", [], 10.0,
            ("half-open-window",), window, **own),
        net(f"{name}/layers", "Two layers, windows one after the other.", 10.0, {"input": [[0.25], [0.5]]},
            [Population("first", name, 2, own, window), Population("second", name, 1, own, (1.0, 2.0, 3.0))],
            [Projection("input", "first", 0.0, [(0, 0, 0.5), (1, 0, 0.25), (1, 1, 0.75)]),
             Projection("first", "second", 0.0, [(0, 0, 1.5), (1, 0, -0.25)])]),
    ]  # fmt: skip


def of_step_psp() -> list[Case]:
    """Only inputs move V."""
    name = "step_psp"
    two = [(1.0, 0.5), (2.0, 0.5), (2.0, -0.25), (3.0, 0.25)]
    return [
        one("inclusive", name, "V reaches the threshold exactly.", two, 10.0, ("sum-then-test", "inclusive-threshold"),
            t_ref=1.0),
        one("strict", name, "The same with V > threshold: silence.", two, 10.0, ("sum-then-test",),
            comparator="strict"),
        one("soft", name, "A soft reset leaves 2.5: again at each end of t_ref, with what has been received by then.",
            [(1.0, 3.5), (1.5, 1.0), (2.0, -1.0)], 10.0, ("release-first",), reset="soft", t_ref=0.5),
        one("refractory", name, "What comes while the neuron is refractory is lost.",
            [(1.0, 1.25), (1.5, 1.25), (2.0, 0.5), (2.5, 0.75)], 10.0, ("release-first",),
            t_ref=1.0),
        one("once", name, "One spike at most (S4NN).", [(1.0, 1.25), (2.0, 1.25)], 10.0, spikes="once"),
        net(f"{name}/delays", "Layers with a delay of 1 each, as S4NN has them.", 20.0,
            {"input": [[0.0], [1.0], [1.0]]},
            [Population("first", name, 2, {"spikes": "once"}), Population("second", name, 1, {"spikes": "once"})],
            [Projection("input", "first", 1.0, [(0, 0, 0.5), (1, 0, 0.875), (2, 0, -0.25), (0, 1, 0.75), (2, 1, 0.5)]),
             Projection("first", "second", 1.0, [(0, 0, 0.75), (1, 0, 0.5)])], ("sum-then-test",)),
    ]  # fmt: skip


def of_relay() -> list[Case]:
    """Pools."""
    fields = [(0, 0, 1.0), (1, 0, 1.0), (2, 0, 1.0), (2, 1, 1.0), (3, 1, 1.0), (1, 2, 1.0), (2, 2, 1.0), (3, 2, 1.0)]
    return [
        net("relay/pools", "The first of three, the last of two, the second of three.", 10.0,
            {"input": [[2.5], [0.75], [1.25], [1.25]]}, [Population("pool", "relay", 3, {"count": [1.0, 2.0, 2.0]})],
            [Projection("input", "pool", 0.0, fields)], ("zero-delay",)),
        net("relay/silent", "A last spike that never comes: silence.", 10.0, {"input": [[2.5], [], [1.25], []]},
            [Population("pool", "relay", 3, {"count": [3.0, 2.0, 1.0]})], [Projection("input", "pool", 0.5, fields)]),
        net("relay/race", "A pool passes a rational spike time on.", 10.0, {"input": [[0.0], [0.5]]},
            [Population("cells", "linear_psp", 3, {"threshold": [1.0, 2.0, 4.0]}),
             Population("pool", "relay", 2, {"count": [1.0, 3.0]})],
            [Projection("input", "cells", 0.0, [*all_to_all(1, 3, 1.5), (1, 1, 2.0), (1, 2, 0.25)]),
             Projection("cells", "pool", 0.25, all_to_all(3, 2, 1.0))]),
    ]  # fmt: skip


def of_lif_clocked() -> list[Case]:
    """Time in steps: all potentials are exact."""
    name = "lif_clocked"
    own: dict[str, Any] = {"decay": 0.5}
    trains = [[0.0, 1.0, 2.5, 3.0, 4.0, 6.0], [0.5, 1.0, 3.0, 3.5, 5.0, 7.0]]
    variants: dict[str, dict[str, Any]] = {
        "soft": {}, "hard": {"reset": "hard"},
        "hard-next-tick": {"reset": "hard", "resets": "next_tick"}, "soft-next-tick": {"resets": "next_tick"},
        "after-input": {"leaks": "after_input"}, "next-step": {"sees": "next_step"}, "once": {"spikes": "once"},
        "biased": {"bias": 0.375, "period": 0.25},
        "hard-before-leak": {"reset": "hard", "resets": "before_leak", "comparator": "strict"},
        "synapse": {"decay_syn": 0.75},
    }  # fmt: skip
    single = [
        net(f"{name}/{key}", f"Two trains, {', '.join(f'{a} = {b}' for a, b in chosen.items()) or 'all by default'}.",
            10.0, {"input": trains}, [Population("neuron", name, 1, own | chosen)],
            [Projection("input", "neuron", 0.0, [(0, 0, 0.75), (1, 0, 0.5)])], ("clock-then-input",))
        for key, chosen in variants.items()
    ]  # fmt: skip
    exact = [(1.0, 1.0), (3.0, 0.5), (4.0, 0.75)]
    single += [
        one("exact", name, "V is exactly the threshold twice.", exact, 6.0, ("inclusive-threshold",), **own),
        one("exact-strict", name, "V is exactly the threshold, which is not above it.", exact, 6.0, (),
            comparator="strict", **own),
    ]  # fmt: skip
    layers = [Population("a", name, 2, own), Population("b", name, 2, own)]
    forth = Projection("a", "b", 0.0, all_to_all(2, 2, 1.0))
    into = Projection("input", "a", 0.0, [(0, 0, 1.0), (1, 1, 1.0), (0, 1, 0.25)])
    return [
        *single,
        net(f"{name}/chain", "The second layer sees what the first emits in the same step.", 10.0, {"input": trains},
            layers, [into, forth], ("clock-order",)),
        net(f"{name}/recurrent", "What leads backwards is seen at the next tick.", 10.0, {"input": trains}, layers,
            [into, forth, Projection("b", "a", 0.0, [(0, 0, -1.0), (1, 0, -0.5), (0, 1, 0.5)])], ("clock-order",)),
        net(f"{name}/ticks", "A delay of two periods is two ticks.", 10.0, {"input": trains}, layers,
            [into, Projection("a", "b", 2.0, all_to_all(2, 2, 1.0))], ("clock-order",)),
    ]  # fmt: skip


def mixed() -> list[Case]:
    """Several models in one network."""
    return [
        net("mixed/rational", "A linear neuron drives a stepped one, a clocked one and a relay.", 12.0,
            {"input": [[0.0], [1.5]]},
            [Population("linear", "linear_psp", 2, {"threshold": [2.0, 7.0]}), Population("step", "step_psp", 1, {}),
             Population("clock", "lif_clocked", 1, {"decay": 0.75}), Population("pool", "relay", 1, {"count": 2.0})],
            [Projection("input", "linear", 0.0, [(0, 0, 3.0), (0, 1, 1.0), (1, 1, 2.0)]),
             Projection("linear", "step", 0.5, [(0, 0, 0.5), (1, 0, 0.5)]),
             Projection("linear", "clock", 0.0, [(0, 0, 1.25), (1, 0, 1.0)]),
             Projection("step", "pool", 0.0, [(0, 0, 1.0)]), Projection("clock", "pool", 0.0, [(0, 0, 1.0)])]),
        net("mixed/currents", "A driven neuron, one with a current, one with a delta synapse, in a ring.", 40.0, {},
            [Population("driver", "lif_delta", 1, {"tau_mem": 8.0, "current": 1.5, "t_ref": 1.0}),
             Population("current", "lif_exp", 1, {"tau_mem": 8.0, "tau_syn": 2.0, "t_ref": 1.0}),
             Population("delta", "lif_delta", 1, {"tau_mem": 16.0, "t_ref": 1.0})],
            [Projection("driver", "current", 0.5, [(0, 0, 6.0)]), Projection("current", "delta", 0.5, [(0, 0, 0.75)]),
             Projection("delta", "driver", 0.5, [(0, 0, -0.5)])]),
    ]  # fmt: skip


def every() -> list[Case]:
    """All cases of the gold set, in order."""
    return [
        *of_linear_psp(), *of_ttfs(), *of_relay(), *of_falling_threshold(), *of_step_psp(), *of_if_delta(),
        *of_lif_delta(),
        *of_currents("lif_exp", 8.0, 6.0), *of_currents("lif_alpha", 4.0, 2.5), *of_if_exp(), *of_alpha_psp(),
        *of_glif(), *of_lif_clocked(), *mixed(),
        *of_receptors("lif_exp", 8.0), *of_receptors("lif_alpha", 4.0), *of_receptors("glif", 8.0), *of_qif(),
    ]  # fmt: skip
