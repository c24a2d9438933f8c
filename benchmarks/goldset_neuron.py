"""The gold set in NEURON: the artificial cells `IntFire1`, `IntFire2` and `IntFire4`, which live from event to event.

Used by goldset_peers.py where NEURON is installed. Times are taken as ms. All three reset to 0 and have a threshold of
1, so that weights are divided by that of the case.
"""

import math
from typing import Any

from eventsim.models.goldset import Case

FOR_EVER = 1e9  # refractory period of a neuron that fires once, ms
EPS = 1e-6  # IntFire4 fires where its potential is above 1 - eps; as NEURON has it
NO_LEAK = 1e300  # time constant of a membrane that does not leak, ms


def name(eps: float = EPS) -> str:
    """Simulator and version."""
    import neuron

    return f"NEURON {neuron.__version__}, IntFire1, 2 and 4 (eps = {eps:g})"


def cell_of(population: dict[str, Any]) -> str | None:
    """The kind of cell that has the equation of a population."""
    given = population["parameters"]
    if isinstance(given.get("tau_syn"), dict):
        return None
    if population["model"] in ("lif_delta", "step_psp"):
        return "IntFire1"
    if population["model"] == "lif_exp" and given["tau_syn"] > given["tau_mem"]:
        return "IntFire2"
    if population["model"] == "lif_exp" and given["tau_syn"] * 1.5 < given["tau_mem"]:
        return "IntFire4"
    return None


def reason_against(case: Case) -> str | None:
    """Why NEURON has no such network without compiling another cell; None where it has."""
    for population in case.content["populations"]:
        given, cell = population["parameters"], cell_of(population)
        if isinstance(given.get("tau_syn"), dict):
            return "IntFire4 has two kinds of currents, of which the inhibitory one rises first"
        if cell is None:
            return f"no artificial cell for {population['model']}"
        potentials = (given["v_reset"], given["v_init"], given.get("v_leak", 0.0), given.get("current", 0.0))
        if given.get("reset") == "soft" or given.get("comparator", "inclusive") == "strict":
            return "no soft reset, no other comparator"
        if any(potentials):
            return "no drive, and potentials begin at 0"
        if cell != "IntFire1" and (given["t_ref"] > 0 or given["spikes"] == "once") and case.spikes:
            return f"{cell} has no refractory period"
        weights = [s[2] for p in case.content["projections"] if p["post"] == population["name"] for s in p["synapses"]]
        if cell == "IntFire4" and min(weights, default=0.0) < 0:
            return "IntFire4 has other time constants for inhibition"
    return None


def made(population: dict[str, Any], neuron: int) -> tuple[Any, float]:
    """One cell, and what weights are multiplied with."""
    from neuron import h

    given = {k: v[neuron] if isinstance(v, list) else v for k, v in population["parameters"].items()}
    kind = cell_of(population)
    if kind == "IntFire1":
        cell = h.IntFire1()
        cell.tau = given.get("tau_mem", NO_LEAK)
        cell.refrac = FOR_EVER if given["spikes"] == "once" else given["t_ref"]
        return cell, 1.0 / given["v_threshold"]
    tau_mem, tau_syn, scale = given["tau_mem"], given["tau_syn"], given["r"] / given["v_threshold"]
    if kind == "IntFire2":
        cell = h.IntFire2()
        cell.taum, cell.taus, cell.ib = tau_mem, tau_syn, 0.0
        return cell, scale
    cell = h.IntFire4()
    cell.taue, cell.taum = tau_syn, tau_mem
    cell.taui1, cell.taui2 = tau_syn + (tau_mem - tau_syn) / 3, tau_syn + (tau_mem - tau_syn) / 2
    # A weight of 1 is to make a maximum of 1 (intfire4.mod): the current is `peak` of that of the equation.
    slow, fast = 1 / tau_mem, 1 / tau_syn
    at = math.log(slow / fast) / (slow - fast)
    peak = (math.exp(-slow * at) - math.exp(-fast * at)) / (fast - slow)
    return cell, scale * peak / tau_mem


def simulate(case: Case, eps: float = EPS) -> list[tuple[str, int, float]]:
    """Spikes at t < until: (population, neuron, time)."""
    from neuron import h

    h.eps_IntFire4 = eps

    method = h.CVode()
    method.active(True)
    cells = {p["name"]: [made(p, i) for i in range(p["size"])] for p in case.content["populations"]}
    trains = {source["name"]: source["spikes"] for source in case.content["sources"]}
    kept, inputs = [], []
    for projection in case.content["projections"]:
        for source, target, weight in projection["synapses"]:
            cell, scale = cells[projection["post"]][target]
            internal = projection["pre"] in cells
            link = h.NetCon(cells[projection["pre"]][source][0] if internal else None, cell)
            link.weight[0], link.delay = weight * scale, projection["delay"]
            kept.append(link)
            if not internal:
                inputs += [(t + projection["delay"], link) for t in trains[projection["pre"]][source]]
    recorded = {}
    for population, members in cells.items():
        for i, (cell, _) in enumerate(members):
            recorded[population, i] = h.Vector()
            kept.append(h.NetCon(cell, None))
            kept[-1].record(recorded[population, i])
    h.finitialize()
    for t, link in inputs:  # in the order of the case; NEURON delivers those of one time in the order of its queue
        link.event(t)
    method.solve(case.until)
    return [(*neuron, t) for neuron, times in recorded.items() for t in times.to_python() if t < case.until]
