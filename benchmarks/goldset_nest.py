"""The gold set in NEST: `iaf_psc_delta_ps`, `iaf_psc_exp_ps` and `iaf_psc_alpha_ps`, whose spikes keep exact times.

Used by goldset_peers.py where NEST is installed. Times are taken as ms. A source's spike is given one step earlier and
delivered with a delay of one step, since NEST has no shorter ones.
"""

import math
import sys
from typing import Any

from eventsim.models.goldset import Case

RESOLUTION = 0.125  # ms; delays and refractory periods of nearly all cases are multiples of it
FOR_EVER = 1e6  # refractory period of a neuron that fires once, ms
NO_LEAK = 1e300  # time constant of a membrane that does not leak, ms
MODELS = {
    "lif_delta": "iaf_psc_delta_ps", "step_psp": "iaf_psc_delta_ps", "lif_exp": "iaf_psc_exp_ps",
    "alpha_psp": "iaf_psc_exp_ps", "if_exp": "iaf_psc_exp_ps", "linear_psp": "iaf_psc_exp_ps",
    "lif_alpha": "iaf_psc_alpha_ps",
}  # fmt: skip
LOSSLESS = MODELS | {"lif_exp": "iaf_psc_exp_ps_lossless"}


def name(lossless: bool) -> str:
    """Simulator and version."""
    import nest

    return f"NEST {nest.__version__}, {RESOLUTION} ms{', iaf_psc_exp_ps_lossless' if lossless else ''}"


def reason_against(case: Case, lossless: bool = False) -> str | None:
    """Why NEST has no such network; None where it has."""
    if lossless and all(LOSSLESS[name] == MODELS[name] for name in case.models if name in MODELS):
        return "the same model as without"
    for population in case.content["populations"]:
        parameters = population["parameters"]
        if population["model"] not in MODELS:
            return f"no precise model for {population['model']}"
        if parameters.get("reset") == "soft":
            return "no soft reset"
        if parameters.get("comparator") == "strict":
            return "no strict comparator"
        receptors = parameters.get("tau_syn", 0.0)
        if isinstance(receptors, dict) and not by_sign(case, population["name"], receptors):
            return "a synapse reaches one of two currents by the sign of its weight"
        if lossless and (isinstance(receptors, dict) or parameters.get("tau_mem") == receptors):
            return "one time constant for both currents, other than the membrane's"
        once = population["model"] == "linear_psp" or parameters["spikes"] == "once"
        if not once and parameters["t_ref"] < RESOLUTION and case.spikes:
            return "a refractory period is at least one step"
    if any(p["delay"] < RESOLUTION for p in case.content["projections"] if p["pre"] in case.sizes):
        return "a delay is at least one step"
    return None


def by_sign(case: Case, population: str, receptors: dict[str, float]) -> bool:
    """Do all excitatory weights of a population lead to one of two receptors, all inhibitory ones to the other?"""
    weights: dict[str, list[float]] = {"excitatory": [], "inhibitory": []}
    for projection in case.content["projections"]:
        if projection["post"] == population:
            weights.setdefault(projection["receptor"], []).extend(w for _, _, w in projection["synapses"])
    right = min(weights["excitatory"], default=0.0) >= 0.0 >= max(weights["inhibitory"], default=0.0)
    return [*receptors] == [*weights] and right


def parameters_of(population: dict[str, Any], neuron: int) -> dict[str, float]:
    """NEST's parameters of one neuron; C_m = tau_m where there is a leak, so that weights are r times the case's."""
    defaults = {"v_leak": 0.0, "current": 0.0, "v_reset": 0.0, "v_init": 0.0, "t_ref": 0.0, "spikes": "once"}
    given = defaults | {k: v[neuron] if isinstance(v, list) else v for k, v in population["parameters"].items()}
    model = population["model"]
    tau = given.get("tau_mem", given["tau_syn"] if model == "alpha_psp" else NO_LEAK)
    found = {
        "tau_m": tau, "C_m": tau if model in ("lif_delta", "lif_exp", "lif_alpha") else 1.0, "E_L": given["v_leak"],
        "I_e": given["current"], "V_reset": given["v_reset"], "V_m": given["v_init"],
        "V_th": given["threshold"] if model == "linear_psp" else given["v_threshold"],
        "t_ref": FOR_EVER if given["spikes"] == "once" else max(given["t_ref"], RESOLUTION),
    }  # fmt: skip
    if model in ("lif_delta", "step_psp"):
        return found
    tau_syn = given.get("tau_syn", NO_LEAK)
    if not isinstance(tau_syn, dict):
        return found | {"tau_syn_ex": tau_syn, "tau_syn_in": tau_syn}
    found |= {"tau_syn_ex": tau_syn["excitatory"], "tau_syn_in": tau_syn["inhibitory"]}
    begins = given.get("i_init", {})
    currents = {"I_syn_ex": begins.get("excitatory", 0.0), "I_syn_in": begins.get("inhibitory", 0.0)}
    return found | {name: given["r"] * i for name, i in currents.items() if i}


def shift_of(case: Case) -> float:
    """How much later the inputs are given: NEST takes none at 0."""
    first = min((train[0] for source in case.content["sources"] for train in source["spikes"] if train), default=1.0)
    return 1.0 if first <= RESOLUTION else 0.0


def simulate(case: Case, lossless: bool = False) -> list[tuple[str, int, float]]:
    """Spikes at t < until: (population, neuron, time). None, and a line on stderr, where NEST gives up."""
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=RESOLUTION)
    content, shift = case.content, shift_of(case)
    ids: dict[str, Any] = {}
    gain: dict[str, float] = {}
    recorder = nest.Create("spike_recorder")
    for population in content["populations"]:
        model = (LOSSLESS if lossless else MODELS)[population["model"]]
        each = [parameters_of(population, i) for i in range(population["size"])]
        ids[population["name"]] = nest.Create(model, population["size"], each)
        gain[population["name"]] = population["parameters"].get("r", 1.0)
        nest.Connect(ids[population["name"]], recorder, "all_to_all", {"delay": RESOLUTION})
    trains = {source["name"]: source["spikes"] for source in content["sources"]}
    for projection in content["projections"]:
        post, delay = projection["post"], projection["delay"]
        for source, target, weight in projection["synapses"]:
            to, how = ids[post][target], {"weight": weight * gain[post], "delay": delay}
            if projection["pre"] in ids:
                nest.Connect(ids[projection["pre"]][source], to, "one_to_one", how)
                continue
            times = [t + shift + delay - RESOLUTION for t in trains[projection["pre"]][source]]
            generator = nest.Create("spike_generator", 1, {"precise_times": True, "spike_times": times})
            nest.Connect(generator, to, "one_to_one", how | {"delay": RESOLUTION})
    try:  # a spike of the last step is recorded one step later
        nest.Simulate((math.ceil((case.until + shift) / RESOLUTION) + 2) * RESOLUTION)
    except nest.NESTErrors.NumericalInstability as error:
        print(f"{case.name}: {error}", file=sys.stderr)
        return []
    owner = {node: (population, i) for population, nodes in ids.items() for i, node in enumerate(nodes.tolist())}
    events = recorder.events
    pairs = zip(events["senders"].tolist(), events["times"].tolist(), strict=True)
    return [(*owner[sender], t - shift) for sender, t in pairs if t - shift < case.until]
