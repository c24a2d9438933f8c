"""The gold set in Arbor: `lif_cell`, whose membrane jumps at events and fires at events only.

Used by goldset_peers.py where Arbor is installed. Times are taken as ms, potentials as mV, C_m is 1 pF.
"""

from typing import Any

from eventsim.models.goldset import Case

FOR_EVER = 1e9  # refractory period of a neuron that fires once, ms
NO_LEAK = 1e300  # time constant of a membrane that does not leak, ms
SINK_DELAY = 1.0  # ms


def name() -> str:
    """Simulator and version."""
    import arbor

    return f"Arbor {arbor.__version__}, lif_cell"


def reason_against(case: Case) -> str | None:
    """Why Arbor has no such network; None where it has."""
    for population in case.content["populations"]:
        if population["model"] not in ("lif_delta", "step_psp"):
            return f"lif_cell has no {population['model']}"
        if population["parameters"]["reset"] == "soft" or population["parameters"].get("comparator") == "strict":
            return "no soft reset, no other comparator"
    if any(p["delay"] <= 0 for p in case.content["projections"] if p["pre"] in case.sizes):
        return "a delay is longer than 0"
    return None


def recipe_of(case: Case) -> tuple[Any, list[tuple[str, int]]]:
    """Arbor's description of a case, and which neuron each of its cells is; the last cell hears all and never fires.

    A spike is recorded only of cells that have a connection.
    """
    import arbor as A  # noqa: N812 - as its own examples do
    from arbor import units as U  # noqa: N812

    content = case.content
    owners = [(p["name"], i) for p in content["populations"] for i in range(p["size"])]
    number = {owner: gid for gid, owner in enumerate(owners)}
    given = {p["name"]: p["parameters"] for p in content["populations"]}
    trains = {source["name"]: source["spikes"] for source in content["sources"]}

    class Recipe(A.recipe):  # type: ignore[misc]
        def num_cells(self) -> int:
            return len(owners) + 1

        def cell_kind(self, _gid: int) -> Any:
            return A.cell_kind.lif

        def cell_description(self, gid: int) -> Any:
            if gid == len(owners):
                return A.lif_cell("out", "in", V_th=1e9 * U.mV)
            population, i = owners[gid]
            p = {k: v[i] if isinstance(v, list) else v for k, v in given[population].items()}
            return A.lif_cell(
                "out", "in",
                tau_m=p.get("tau_mem", NO_LEAK) * U.ms, V_th=p["v_threshold"] * U.mV, C_m=1.0 * U.pF,
                E_L=(p.get("v_leak", 0.0) + p.get("current", 0.0)) * U.mV, E_R=p["v_reset"] * U.mV,
                V_m=p["v_init"] * U.mV, t_ref=(FOR_EVER if p["spikes"] == "once" else p["t_ref"]) * U.ms,
            )  # fmt: skip

        def connections_on(self, gid: int) -> list[Any]:
            if gid == len(owners):
                return [A.connection((source, "out"), "in", 0.0, SINK_DELAY * U.ms) for source in range(len(owners))]
            return [
                A.connection((number[p["pre"], i], "out"), "in", weight, p["delay"] * U.ms)
                for p in content["projections"]
                if p["pre"] in case.sizes
                for i, j, weight in p["synapses"]
                if number[p["post"], j] == gid
            ]

        def event_generators(self, gid: int) -> list[Any]:
            return [
                A.event_generator("in", weight, A.explicit_schedule([(t + p["delay"]) * U.ms for t in times]))
                for p in content["projections"]
                if p["pre"] in trains
                for i, j, weight in p["synapses"]
                if number[p["post"], j] == gid
                for times in [trains[p["pre"]][i]]
            ]

    return Recipe(), owners


def simulate(case: Case) -> list[tuple[str, int, float]]:
    """Spikes at t < until: (population, neuron, time)."""
    import arbor
    from arbor import units

    recipe, owners = recipe_of(case)
    simulation = arbor.simulation(recipe)
    simulation.record(arbor.spike_recording.all)
    simulation.run(case.until * units.ms)
    return [(*owners[gid], float(t)) for (gid, _), t in simulation.spikes() if gid < len(owners) and t < case.until]
