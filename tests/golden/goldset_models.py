"""What the gold set says about each neuron model: its equation in words, and all of its parameters.

Used by `goldset`, which writes this text into the file. A parameter's entry is (default, meaning); None is no default,
and every case gives it. The defaults are written out in every case, so that a reader needs none.
"""

from typing import Any

TAU_MEM = (None, "membrane time constant")
TAU_SYN = (None, "time constant of the currents")
R = (1.0, "resistance: what a lasting current of 1 adds to V")
THRESHOLD = (1.0, "firing threshold")
RESET = (0.0, "potential after a spike")
LEAK = (0.0, "resting potential")
CURRENT = (0.0, "constant drive, as the shift of the resting potential")
START = (0.0, "potential at t = 0")
DISCARDS = (0.0, "refractory period, in which V stands still and inputs are discarded")
HOLDS = (0.0, "refractory period, in which V is held and everything else goes on")
SPIKES = ("many", '"many"; "once": a neuron fires one spike at most')
RESETS = ("hard", '"hard": V := v_reset after a spike; "soft": V := V - v_threshold')
SEES = (
    '"same_step": a tick sees what clocked neurons upstream emit at the same time without delay; "next_step": only '
    "what arrived before the tick"
)
LEVEL = (None, "firing threshold")

# What a neuron with receptors has once for each of them.
EACH_RECEPTOR = ("tau_syn", "i_init")

WITH_CURRENTS = {"v_threshold": THRESHOLD, "v_reset": RESET, "t_ref": HOLDS, "v_init": START, "spikes": SPIKES}
OF_CUBA = {"tau_mem": TAU_MEM, "tau_syn": TAU_SYN, "r": R, "v_leak": LEAK, "current": CURRENT} | WITH_CURRENTS
AFTER_A_SPIKE = (
    "V >= v_threshold fires; then V := v_reset and is held there for t_ref, while all currents go on decaying and "
    "receiving."
)
BY_RECEPTORS = (
    " Where tau_syn is an object, each receptor that it names has a current of its own, with this tau_syn{more}; I is "
    "their sum, and an input moves the one that its projection names as `receptor`, whatever the sign of its weight."
)
ONE_WINDOW = "V = 0 is held until t_start; an input before t_start only adds its weight to the slope."
ONE_SPIKE = "A neuron fires once; a crossing at or after t_max is silence."

EQUATIONS = {
    "linear_psp": "dV/dt = the sum of the weights that have arrived; V(0) = 0. V >= threshold fires, once.",
    "ttfs_b1": (
        f"dV/dt = the sum of the weights that have arrived, for t_start <= t < t_min; dV/dt = slope from t_min on, and "
        f"inputs at or after t_min change nothing. {ONE_WINDOW} V >= threshold fires, also before t_min; a threshold "
        f"<= 0 fires at t_start. {ONE_SPIKE}"
    ),
    "ttfs_alpha1": (
        f"dV/dt = alpha + the sum of the weights that have arrived, for t_start <= t < t_min; at t_min dV/dt becomes "
        f"slope, to which inputs at or after t_min add their weight. {ONE_WINDOW} V >= threshold fires, also before "
        f"t_min; a threshold <= 0 fires at t_start. {ONE_SPIKE}"
    ),
    "integrator": (
        f"dV/dt = drift + the sum of the weights that have arrived. {ONE_WINDOW} It never fires: V is read at t_min, "
        "and inputs at or after t_min change nothing."
    ),
    "relay": "Counts its inputs (all weights are 1) and fires once, at the input that makes the count reach `count`.",
    "falling_threshold": (
        f"dV/dt = the sum of the weights that have arrived. {ONE_WINDOW} Before t_min nothing fires; from t_min on the "
        f"threshold is threshold - decline (t - t_min). A neuron with V >= threshold at t_min fires there, whichever "
        f"way V goes. {ONE_SPIKE}"
    ),
    "step_psp": (
        "An input of weight w moves V by w; nothing else does. V >= v_threshold fires (V > v_threshold where "
        'comparator is "strict"); then V := v_reset or V - v_threshold, held for t_ref while inputs are discarded. A '
        "neuron that a soft reset has left at its threshold fires again at the end of t_ref."
    ),
    "if_delta": (
        "dV/dt = current; an input of weight w moves V by w. All else as step_psp, also where a current brings V there."
    ),
    "lif_delta": (
        "tau_mem dV/dt = v_leak + current - V; an input of weight w moves V by w. V >= v_threshold fires; then "
        "V := v_reset or V - v_threshold, held for t_ref while inputs are discarded. A neuron that a soft reset has "
        "left at its threshold fires again at the end of t_ref."
    ),
    "qif": (
        "tau_mem dV/dt = curvature (V - v_leak) (V - v_critical) + current; an input of weight w moves V by w. V >= "
        "v_threshold fires; then V := v_reset, held for t_ref while inputs are discarded."
    ),
    "lif_exp": (
        "tau_mem dV/dt = v_leak + current - V + r I, tau_syn dI/dt = -I; an input of weight w moves I by w. "
        + AFTER_A_SPIKE
        + BY_RECEPTORS.format(more=" and i_init")
    ),
    "lif_alpha": (
        "tau_mem dV/dt = v_leak + current - V + r I; an input of weight w at time t_j adds w (s / tau_syn) "
        "exp(1 - s / tau_syn), s = t - t_j, to I, which is at most w. " + AFTER_A_SPIKE + BY_RECEPTORS.format(more="")
    ),
    "if_exp": "dV/dt = I, tau_syn dI/dt = -I; an input of weight w moves I by w. " + AFTER_A_SPIKE,
    "alpha_psp": (
        "Without spikes V(t) is the sum of w (t - t_j) exp(-(t - t_j) / tau_syn) over the inputs; as a state, dV/dt = "
        "-V / tau_syn + I and dI/dt = -I / tau_syn, and an input of weight w moves I by w. " + AFTER_A_SPIKE
    ),
    "glif": (
        "tau_mem dV/dt = v_leak + current - V + r (I + J1 + J2), tau_syn dI/dt = -I, tau_1 dJ1/dt = -J1, tau_2 dJ2/dt "
        "= -J2, tau_threshold dH/dt = v_threshold + coupling (V - v_leak) - H; H(0) = v_threshold, no currents at 0. "
        "An input of weight w moves I by w. V >= H fires; then V := v_reset, held there for t_ref while all else goes "
        "on, "
        "H := max(H, threshold_reset) + threshold_jump, J1 := kept_1 J1 + after_1, J2 := kept_2 J2 + after_2. A neuron "
        "with V >= H at the end of t_ref fires then." + BY_RECEPTORS.format(more="")
    ),
    "lif_clocked": (
        "At tick k = 0, 1, ... (t = k period), x being what arrived since the last tick: I := decay_syn I + (x + bias);"
        ' V := decay V + I, or decay (V + I) where leaks is "after_input"; the neuron fires where V >= v_threshold (V >'
        ' v_threshold where comparator is "strict"). Its reset is V := V - v_threshold (reset "soft") or v_reset '
        '("hard"): where resets is "at_spike", at once; where it is "before_leak", at the next tick before all else; '
        'where it is "next_tick", at the next tick before the test, so that a hard one loses x.'
    ),
}

PARAMETERS: dict[str, dict[str, tuple[Any, str]]] = {
    "linear_psp": {"threshold": LEVEL},
    "ttfs_b1": {"threshold": LEVEL, "slope": (1.0, "slope from t_min on")},
    "ttfs_alpha1": {
        "threshold": LEVEL,
        "alpha": (1.0, "slope before any input"),
        "slope": (None, "slope from t_min on: alpha + the sum of all incoming weights, whether they came or not"),
    },
    "integrator": {"drift": (0.0, "slope before any input")},
    "relay": {"count": (1.0, "how many inputs make it spike")},
    "falling_threshold": {
        "threshold": (None, "firing threshold at t_min"),
        "decline": (1.0, "how fast the threshold falls from t_min on"),
    },
    "step_psp": {
        "v_threshold": THRESHOLD, "v_reset": RESET, "t_ref": DISCARDS, "v_init": START, "spikes": SPIKES,
        "reset": RESETS, "comparator": ("inclusive", '"inclusive": V >= v_threshold; "strict": V > v_threshold'),
    },
    "if_delta": {
        "v_threshold": THRESHOLD, "v_reset": RESET, "current": (0.0, "what V moves by in a unit of time"),
        "t_ref": DISCARDS, "v_init": START, "spikes": SPIKES, "reset": RESETS,
        "comparator": ("inclusive", '"inclusive": V >= v_threshold; "strict": V > v_threshold at an input'),
    },
    "lif_delta": {
        "tau_mem": TAU_MEM, "v_threshold": THRESHOLD, "v_reset": RESET, "v_leak": LEAK, "current": CURRENT,
        "t_ref": DISCARDS, "v_init": START, "spikes": SPIKES, "reset": RESETS,
    },
    "qif": {
        "tau_mem": TAU_MEM, "v_threshold": LEVEL, "v_reset": (None, "potential after a spike"),
        "v_leak": (0.0, "resting potential without a drive"),
        "v_critical": (0.0, "potential above which V runs away, without a drive"),
        "curvature": (1.0, "how fast V runs away"), "current": (0.0, "constant drive, in units of tau_mem dV/dt"),
        "t_ref": DISCARDS, "v_init": START, "spikes": SPIKES,
    },
    "lif_exp": OF_CUBA | {"i_init": (0.0, "I at the beginning")},
    "lif_alpha": OF_CUBA,
    "if_exp": {"tau_syn": TAU_SYN} | WITH_CURRENTS,
    "alpha_psp": {"tau_syn": TAU_SYN} | WITH_CURRENTS,
    "glif": OF_CUBA | {
        "v_threshold": (1.0, "threshold far from all spikes, at V = v_leak"),
        "tau_threshold": (1.0, "time constant of the threshold"),
        "coupling": (0.0, "how far the threshold follows V - v_leak"),
        "threshold_reset": (1.0, "least threshold after a spike"),
        "threshold_jump": (0.0, "what a spike adds to the threshold"),
        "tau_1": (1.0, "time constant of J1"), "after_1": (0.0, "what a spike adds to J1"),
        "kept_1": (1.0, "what a spike leaves of J1, as a factor"),
        "tau_2": (1.0, "time constant of J2"), "after_2": (0.0, "what a spike adds to J2"),
        "kept_2": (1.0, "what a spike leaves of J2, as a factor"),
    },
    "lif_clocked": {
        "period": (1.0, "clock period"), "decay": (None, "factor on V from tick to tick"), "v_threshold": THRESHOLD,
        "v_reset": (0.0, "potential after a hard reset"), "bias": (0.0, "added at each tick"),
        "reset": ("soft", '"soft": V - v_threshold; "hard": v_reset'),
        "comparator": ("inclusive", '"inclusive": V >= v_threshold; "strict": V > v_threshold'),
        "resets": ("at_spike", '"at_spike", "next_tick" or "before_leak"'),
        "leaks": ("before_input", '"before_input" or "after_input"'),
        "spikes": SPIKES,
        "decay_syn": (0.0, "factor on I from tick to tick"),
        "sees": ("same_step", SEES),
    },
}  # fmt: skip

RULES = {
    "sum-then-test": "All arrivals of one time at a neuron are added up before its potential is tested.",
    "inclusive-threshold": "V >= threshold fires: equality counts.",
    "crossing-first": (
        "A crossing that was certain before t happens at t before what arrives at t; arrivals meet the state after it."
    ),
    "release-first": "A refractory period of t_ref is over at its end: what arrives exactly then is received.",
    "half-open-window": "At t_min a window is open and at t_max it is closed: a crossing at exactly t_max is silence.",
    "late-input": "An input at exactly t_min is late: the window has opened before it arrives.",
    "premature": "A crossing before t_min fires then.",
    "zero-delay": (
        "A spike over a projection without delay arrives at the same time, after everything that happened before it "
        "(in the next micro-step); its target's arrivals of that micro-step are added up."
    ),
    "limit-is-never": "A threshold that V reaches only in the limit of infinite time is never reached.",
    "between-steps": "What happens between two points of any grid happens: a crossing is not missed.",
    "clock-order": (
        "Clocked neurons tick in the order of the delay-free projections among them, so that each sees what those "
        "before it emitted in the same step; what leads backwards is seen at the next tick."
    ),
    "clock-then-input": 'An input at exactly the time of a tick is seen by that tick, unless `sees` is "next_step".',
    "until": "Events at t < until happen, later ones do not.",
}
