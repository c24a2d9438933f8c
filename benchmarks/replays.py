"""W1, W2 and networks with two receptors in NEST, NEURON and Arbor: the same network and input, spike for spike.

W1 in two kinds: ramps (an input adds its weight to the slope, the kind that w1.py times) and jumps (an input moves the
potential by its weight). Networks with receptors, in NEST alone, have currents of either shape, and inhibition that
outlasts excitation. Times are ms here, so every simulator is given the same numbers. Where others fire than in
eventsim, the first spike that differs is looked at: how many inputs had the neuron at that time?
`docs/explanation/comparison.md` has the results, and the rules that explain them.
"""

import argparse
import importlib.util
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import workloads
from nest_peer import FAITHFUL, FASTEST, REFRACTORY

import eventsim

Array = np.ndarray[Any, Any]
Spikes = tuple[Array, Array]  # neurons, times
Links = tuple[Array, Array, Array]  # sources, targets, weights
SCALE, W1_DELAY = 100.0, 1.0  # ms: W1's input window, the delay between its layers
JUMP_MEANS, JUMP_DEVIATIONS = (0.0021, 0.0036, 0.0036), (0.009, 0.012, 0.012)
KINDS = ("jumps", "ramps")
NO_LEAK = 1e50  # time constant, ms: the longest that eventsim takes
FOR_EVER = 1e6  # refractory period of neurons that fire once, ms
TOLERANCE = 1e-9  # ms
RECEPTOR_SEED = 15
COARSE, FINE = 0.125, 0.025  # resolutions of NEST for networks with receptors, ms
NEST_CURRENTS = {"lif_exp": "iaf_psc_exp_ps", "lif_alpha": "iaf_psc_alpha_ps"}


class Currents(NamedTuple):
    """Neurons with an excitatory and an inhibitory current: the model, and the time constants of these, ms."""

    model: str
    excitatory: float
    inhibitory: float


class Replay(NamedTuple):
    """A network of equal neurons, all delays equal, and its input.

    Attributes
    ----------
    trains : input spikes of each source, ms. inputs : synapses from them. links : synapses among the neurons.
    ramps : inputs move the slope instead of the potential.
    resolution : of NEST, ms.
    currents : inputs move currents instead, those of positive weights the excitatory one.
    """

    n: int
    tau: float
    threshold: float
    refractory: float
    ramps: bool
    delay: float
    trains: list[Array]
    inputs: Links
    links: Links
    until: float
    resolution: float
    currents: Currents | None = None


class Outcome(NamedTuple):
    """What two simulators made of one network.

    Attributes
    ----------
    spikes : of eventsim. differing : those of either that the other has not, within `TOLERANCE`.
    difference : the largest among the others, ms.
    first : when the first of the differing ones is, ms; inf where there is none.
    inputs : how many inputs its neuron had at that time (0: it fired on its own, or its inputs come otherwise).
    """

    spikes: int
    differing: int
    difference: float
    first: float
    inputs: int


# -- the networks -----------------------------------------------------------------------------------------------------


def w1_replay(kind: str, sample: int = 0) -> Replay:
    """One sample of W1; every neuron fires once at most."""
    sizes = workloads.W1_LAYERS[1:]
    offsets = np.cumsum([0, *sizes])
    synapses = []
    for layer, weights in enumerate(w1_weights(kind)):
        targets, sources = np.meshgrid(*map(np.arange, weights.shape), indexing="ij")
        first = 0 if layer == 0 else offsets[layer - 1]
        synapses.append(((sources + first).ravel(), (targets + offsets[layer]).ravel(), weights.ravel()))
    sources, targets, values = (np.concatenate(parts) for parts in zip(*synapses[1:], strict=True))
    times = workloads.w1_inputs()[sample] * SCALE
    return Replay(
        n=int(offsets[-1]), tau=NO_LEAK, threshold=1.0, refractory=FOR_EVER, ramps=kind == "ramps", delay=W1_DELAY,
        trains=[times[k : k + 1] for k in range(times.size)], inputs=synapses[0], links=(sources, targets, values),
        until=workloads.W1_HORIZON * SCALE, resolution=W1_DELAY,
    )  # fmt: skip


def w1_weights(kind: str) -> list[Array]:
    """Weights (n_out, n_in) of each layer; of ramps by ms, so that the threshold is 1 in both kinds."""
    if kind == "ramps":
        return [weights / SCALE for weights in workloads.w1_weights()]
    random = np.random.default_rng(workloads.W1_WEIGHT_SEED)
    shapes = zip(workloads.W1_LAYERS[1:], workloads.W1_LAYERS[:-1], strict=True)
    drawn = zip(JUMP_MEANS, JUMP_DEVIATIONS, shapes, strict=True)
    return [mean + deviation * random.standard_normal(shape) for mean, deviation, shape in drawn]


def w2_replay(n: int, duration: float, resolution: float = FAITHFUL) -> Replay:
    """W2 with noise that is drawn once; the refractory period is what NEST has at this resolution."""
    synapses, each = workloads.w2_synapses(n), np.arange(n)
    return Replay(
        n=n, tau=workloads.W2_TAU, threshold=workloads.W2_THRESHOLD, refractory=REFRACTORY[resolution], ramps=False,
        delay=workloads.W2_DELAY, trains=workloads.w2_trains(n, duration),
        inputs=(each, each, np.full(n, workloads.W2_EXTERNAL_WEIGHT)),
        links=(synapses.sources, synapses.targets, synapses.weights), until=duration, resolution=resolution,
    )  # fmt: skip


def receptor_replay(model: str, resolution: float, n: int = 100, duration: float = 1_000.0) -> Replay:
    """A recurrent network that fires by fluctuations; each neuron hears 10 excitatory and 5 inhibitory ones."""
    random, each = np.random.default_rng(RECEPTOR_SEED), np.arange(n)
    counts = random.poisson(0.35 * duration, n)
    trains = [np.sort(random.uniform(1.0, duration, count)) for count in counts]
    n_excitatory, scale = 4 * n // 5, 1.0 if model == "lif_exp" else 1.0 / math.e
    sources = [random.choice(n_excitatory, 10, replace=False) for _ in each]
    sources += [n_excitatory + random.choice(n - n_excitatory, 5, replace=False) for _ in each]
    targets = [np.repeat(each, 10), np.repeat(each, 5)]
    weights = [np.full(10 * n, 0.5 * scale), np.full(5 * n, -1.0 * scale)]
    return Replay(
        n=n, tau=20.0, threshold=1.0, refractory=2.0, ramps=False, delay=1.5, trains=trains,
        inputs=(each, each, np.full(n, 2.0 * scale)),
        links=(np.concatenate(sources), np.concatenate(targets), np.concatenate(weights)), until=duration,
        resolution=resolution, currents=Currents(model, 2.0, 8.0),
    )  # fmt: skip


# -- the simulators ---------------------------------------------------------------------------------------------------


def in_eventsim(replay: Replay) -> eventsim.Run:
    """All spikes of population `cells`."""
    net = eventsim.Network(time_unit=1e-3)
    source = net.source(len(replay.trains), name="input")
    currents = replay.currents
    if replay.ramps:
        cells = net.population("linear_psp", replay.n, name="cells", threshold=replay.threshold)
    elif currents:
        cells = net.population(
            currents.model, replay.n, name="cells", tau_mem=replay.tau, v_threshold=replay.threshold,
            t_ref=replay.refractory,
            tau_syn={"excitatory": currents.excitatory, "inhibitory": currents.inhibitory},
        )  # fmt: skip
    else:
        cells = net.population(
            "lif_delta", replay.n, name="cells", tau_mem=replay.tau, v_threshold=replay.threshold,
            t_ref=replay.refractory,
        )  # fmt: skip
    for pre, links in ((source, replay.inputs), (cells, replay.links)):
        for receptor, (sources, targets, weights) in _by_receptor(replay, links).items():
            synapses = eventsim.Sparse(sources, targets, weights)
            net.connect(pre, cells, synapses, delay=replay.delay, receptor=receptor)
    return eventsim.simulate(net, eventsim.SpikeTimes([replay.trains]), until=replay.until, threads=1)


def _by_receptor(replay: Replay, links: Links) -> dict[str | None, Links]:
    """Synapses by the receptor that they reach."""
    if replay.currents is None:
        return {None: links}
    sources, targets, weights = links
    chosen = {"excitatory": weights > 0.0, "inhibitory": weights < 0.0}
    return {name: (sources[some], targets[some], weights[some]) for name, some in chosen.items() if some.any()}


def in_nest(replay: Replay) -> Spikes:
    """`iaf_psc_delta_ps`; ramps by `iaf_psc_exp_ps` with time constants that are next to infinite.

    Currents by `iaf_psc_exp_ps` or `iaf_psc_alpha_ps`, where C_m = tau_m makes weights what they are in eventsim.
    """
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=replay.resolution)
    given = {
        "tau_m": replay.tau, "C_m": 1.0, "E_L": 0.0, "V_th": replay.threshold, "V_reset": 0.0, "V_m": 0.0,
        "t_ref": replay.refractory,
    }  # fmt: skip
    model = "iaf_psc_exp_ps" if replay.ramps else "iaf_psc_delta_ps"
    if replay.ramps:
        given |= {"tau_syn_ex": replay.tau, "tau_syn_in": replay.tau}
    if replay.currents:
        model, excitatory, inhibitory = NEST_CURRENTS[replay.currents.model], *replay.currents[1:]
        given |= {"C_m": replay.tau, "tau_syn_ex": excitatory, "tau_syn_in": inhibitory}
    cells = nest.Create(model, replay.n, given)
    trains = [{"precise_times": True, "spike_times": train} for train in replay.trains]
    generators, first = nest.Create("spike_generator", len(trains), trains), cells[0].global_id
    for before, (sources, targets, weights) in ((generators, replay.inputs), (cells, replay.links)):
        how = {"weight": weights, "delay": np.full(len(weights), replay.delay)}
        nest.Connect(sources + before[0].global_id, targets + first, "one_to_one", how)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder, "all_to_all", {"delay": replay.delay})
    nest.Simulate(math.ceil(replay.until / replay.resolution + 2) * replay.resolution)
    return recorder.events["senders"] - first, recorder.events["times"]


def in_neuron(replay: Replay) -> Spikes:
    """`IntFire1`, of threshold 1."""
    from neuron import h

    method = h.CVode()
    method.active(True)
    cells = [h.IntFire1() for _ in range(replay.n)]
    for cell in cells:
        cell.tau, cell.refrac = replay.tau, replay.refractory
    kept, pending = [], []
    for internal, links in ((False, replay.inputs), (True, replay.links)):
        for source, target, weight in zip(*(one.tolist() for one in links), strict=True):
            link = h.NetCon(cells[source] if internal else None, cells[target])
            link.weight[0], link.delay = weight / replay.threshold, replay.delay
            kept.append(link)
            if not internal:
                pending += [(t + replay.delay, link) for t in replay.trains[source].tolist()]
    vectors = [h.Vector() for _ in cells]
    for cell, vector in zip(cells, vectors, strict=True):
        kept.append(h.NetCon(cell, None))
        kept[-1].record(vector)
    h.finitialize()
    for t, link in pending:
        link.event(t)
    method.solve(replay.until)
    times = [np.array(vector) for vector in vectors]
    return np.repeat(np.arange(replay.n), [len(one) for one in times]), np.concatenate(times)


def in_arbor(replay: Replay) -> Spikes:
    """`lif_cell`; one more cell hears all others, since spikes without a connection are not recorded."""
    import arbor as A  # noqa: N812 - as its own examples do
    from arbor import units as U  # noqa: N812

    def by_target(links: Links) -> list[list[tuple[int, float]]]:
        lists: list[list[tuple[int, float]]] = [[] for _ in range(replay.n)]
        for source, target, weight in zip(*(one.tolist() for one in links), strict=True):
            lists[target].append((source, weight))
        return lists

    schedules = [A.explicit_schedule([(t + replay.delay) * U.ms for t in train.tolist()]) for train in replay.trains]
    incoming, given, delay = by_target(replay.links), by_target(replay.inputs), replay.delay * U.ms

    class Recipe(A.recipe):  # type: ignore[misc]
        def num_cells(self) -> int:
            return replay.n + 1

        def cell_kind(self, _gid: int) -> Any:
            return A.cell_kind.lif

        def cell_description(self, gid: int) -> Any:
            threshold = replay.threshold if gid < replay.n else 1e9
            return A.lif_cell(
                "out", "in", tau_m=replay.tau * U.ms, V_th=threshold * U.mV, C_m=1.0 * U.pF, E_L=0.0 * U.mV,
                E_R=0.0 * U.mV, V_m=0.0 * U.mV, t_ref=replay.refractory * U.ms,
            )  # fmt: skip

        def connections_on(self, gid: int) -> list[Any]:
            heard = incoming[gid] if gid < replay.n else [(source, 0.0) for source in range(replay.n)]
            return [A.connection((source, "out"), "in", weight, delay) for source, weight in heard]

        def event_generators(self, gid: int) -> list[Any]:
            heard = given[gid] if gid < replay.n else []
            return [A.event_generator("in", weight, schedules[source]) for source, weight in heard]

    recipe, context = Recipe(), A.context(threads=1)
    hints = {A.cell_kind.lif: A.partition_hint(cpu_group_size=replay.n + 1)}
    simulation = A.simulation(recipe, context, A.partition_load_balance(recipe, context, hints))
    simulation.record(A.spike_recording.all)
    simulation.run(replay.until * U.ms)
    found = [(gid, t) for (gid, _), t in simulation.spikes() if gid < replay.n]
    return np.array([gid for gid, _ in found], dtype=int), np.array([float(t) for _, t in found])


PEERS: dict[str, Callable[[Replay], Spikes]] = {"nest": in_nest, "neuron": in_neuron, "arbor": in_arbor}
WITHOUT_RAMPS = ("neuron", "arbor")


# -- spike for spike --------------------------------------------------------------------------------------------------


def held(replay: Replay, peer: str) -> Outcome:
    """Simulate in eventsim and in a peer, and hold the spikes against each other, neuron by neuron."""
    run = in_eventsim(replay)
    mine = run.spikes[run.spikes["population"] == 1]
    neurons, times = PEERS[peer](replay)
    early = times < replay.until
    ours = {(i, k): t for i, k, t in _numbered(mine["neuron"], mine["time"])}
    theirs = {(i, k): t for i, k, t in _numbered(neurons[early], times[early])}
    differing, first, where, difference = 0, math.inf, -1, 0.0
    for key in ours.keys() | theirs.keys():
        apart = abs(ours.get(key, math.inf) - theirs.get(key, -math.inf))
        if apart <= TOLERANCE:
            difference = max(difference, apart)
            continue
        differing += 1
        t = min(ours.get(key, math.inf), theirs.get(key, math.inf))
        if t < first:
            first, where = t, key[0]
    return Outcome(len(ours), differing, difference, first, _inputs_at(replay, run, where, first) if differing else 0)


def _numbered(neurons: Array, times: Array) -> list[tuple[int, int, float]]:
    """(neuron, number of its spike, time)."""
    found, count = [], dict.fromkeys(neurons.tolist(), 0)
    for t, i in sorted(zip(times.tolist(), neurons.tolist(), strict=True)):
        found.append((i, count[i], t))
        count[i] += 1
    return found


def _inputs_at(replay: Replay, run: eventsim.Run, neuron: int, t: float) -> int:
    """How many inputs reach a neuron at one time, given the spikes of eventsim up to then."""
    total = 0
    for population, (sources, targets, _) in enumerate((replay.inputs, replay.links)):
        to_it = sources[targets == neuron]
        spikes = run.spikes[run.spikes["population"] == population]
        senders = spikes["neuron"][spikes["time"] + replay.delay == t]
        total += sum(int((to_it == sender).sum()) for sender in senders)
    return total


def report(name: str, outcome: Outcome) -> str:
    """One line."""
    same = f"{outcome.spikes - outcome.differing:,}" if outcome.differing else f"all {outcome.spikes:,}"
    text = f"{name:<34} {same} spikes within {outcome.difference:.2g} ms"
    if outcome.differing:
        text += f"; {outcome.differing:,} differ, the first at {outcome.first:.6f} ms, with {outcome.inputs} inputs"
    return text


def main() -> None:
    """Print what each peer that is installed makes of W1 and W2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=PEERS, action="append", help="only this one; may be repeated")
    parser.add_argument("--receptors", action="store_true", help="only the networks with receptors, in NEST")
    parser.add_argument("--n", type=int, default=1_000, help="neurons of W2")
    parser.add_argument("--duration", type=float, default=workloads.W2_DURATION, help="of W2, ms")
    options = parser.parse_args()
    for peer in options.peer or [name for name in PEERS if importlib.util.find_spec(name) is not None]:
        for model in NEST_CURRENTS if peer == "nest" else ():
            for resolution in (COARSE, FINE):
                name = f"{peer}: {model}, receptors, {resolution} ms"
                print(report(name, held(receptor_replay(model, resolution), peer)), flush=True)
        if options.receptors:
            continue
        for kind in KINDS:
            if kind == "jumps" or peer not in WITHOUT_RAMPS:
                print(report(f"{peer}: W1, {kind}", held(w1_replay(kind), peer)), flush=True)
        for resolution in (FAITHFUL, FASTEST) if peer == "nest" else (FAITHFUL,):
            name = f"{peer}: W2, t_ref = {REFRACTORY[resolution]} ms"
            print(report(name, held(w2_replay(options.n, options.duration, resolution), peer)), flush=True)


if __name__ == "__main__":
    main()
