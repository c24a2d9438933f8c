"""Small networks on Loihi as SANA-FE simulates it, and as eventsim does: times and energies, component by component.

python benchmarks/sanafe_peer.py prints the table of docs/explanation/sana-fe.md. Needs sanafe (`make peers`).
"""

import itertools
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import eventsim
from eventsim import Dense, Network, SpikeTimes, hardware

STEPS = 8
SEEDS = range(6)
NS = 1e9
# What SANA-FE's description leaves out: here nothing leaves the chip, and so these are never used.
UNUSED = {"service": "0 ns", "latency": "0 ns", "buffer": "unlimited", "full": "stall", "arbiter": "first come"}


class Small(NamedTuple):
    """Inputs that fire in the first steps, a layer on some cores, and one behind it that never fires."""

    sizes: tuple[int, int, int]
    inputs: list[list[int]]
    threshold: int
    weights: tuple[list[int], list[int]]  # by source, then target
    cores: tuple[list[int], list[int]]


def small(seed: int) -> Small:
    """A random one."""
    rng = random.Random(seed)
    sizes = rng.randint(1, 4), rng.randint(1, 6), rng.randint(1, 6)
    inputs = [[rng.randint(0, 1) for _ in range(3)] for _ in range(sizes[0])]
    weights = tuple([rng.randint(1, 4) for _ in range(a * b)] for a, b in itertools.pairwise(sizes))
    cores = tuple([4 * rng.randrange(32) + rng.randrange(4) for _ in range(n)] for n in sizes[1:])
    return Small(sizes, inputs, rng.randint(1, 6), weights, cores)  # type: ignore[arg-type]


def theirs(one: Small) -> dict[str, Any]:
    """SANA-FE's result, with its detailed model of time."""
    import sanafe

    lines = ["network:", "  name: small", "  groups:", "    - name: in", "      attributes: []", "      neurons:"]
    lines += [f"        - {k}: [spikes: {train}]" for k, train in enumerate(one.inputs)]
    for name, size, threshold in (("mid", one.sizes[1], one.threshold), ("out", one.sizes[2], 1_000_000)):
        lines += [f"    - name: {name}", "      attributes: []", "      neurons:"]
        lines += [f"        - 0..{size - 1}: [soma: {{threshold: {threshold}}}]"]
    lines += ["  edges:"]
    lines += [f"    - in -> mid: [type: dense, weight: {one.weights[0]}]"]
    lines += [f"    - mid -> out: [type: dense, weight: {one.weights[1]}]", "mappings:"]
    for k in range(one.sizes[0]):
        lines += [f'  - in.{k}: [core: 0.0, soma: "loihi_inputs[{k}]", dendrite: loihi_dendrites]']
    for name, cores in zip(("mid", "out"), one.cores, strict=True):
        for k, core in enumerate(cores):
            lines += [f"  - {name}.{k}: [core: {core // 4}.{core % 4}, soma: loihi_lif, dendrite: loihi_dendrites]"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.yaml"
        path.write_text("\n".join(lines), encoding="utf-8")
        found = sanafe.load_loihi()
        arch = found[0] if isinstance(found, tuple) else found
        chip = sanafe.SpikingChip(arch)
        chip.load(sanafe.load_net(str(path), arch))
        result: dict[str, Any] = chip.sim(STEPS, perf_trace=True, message_trace=True, timing_model="detailed")
    return result


def ours(one: Small) -> tuple[eventsim.Run, hardware.StepTimes]:
    """The same in eventsim: neurons without a leak, whole-numbered potentials, a delay of one step."""
    net = Network()
    net.source(one.sizes[0], "in")
    net.population("lif_delta", one.sizes[1], "mid", tau_mem=1e12, v_threshold=one.threshold + 0.5)  # strictly above
    net.population("lif_delta", one.sizes[2], "out", tau_mem=1e12, v_threshold=1e6)
    for pre, post, weights in (("in", "mid", one.weights[0]), ("mid", "out", one.weights[1])):
        shape = net.node(pre).size, net.node(post).size
        net.connect(pre, post, Dense(np.array(weights, dtype=float).reshape(shape).T), delay=1.0)
    chip = hardware.chip("loihi_sanafe").replace({f"output.{name}": value for name, value in UNUSED.items()})
    slices: list[Any] = [("in", 0, one.sizes[0] - 1, 0)]
    slices += [
        (name, k, k, core)
        for name, cores in zip(("mid", "out"), one.cores, strict=True)
        for k, core in enumerate(cores)
    ]
    placement = hardware.place_by_hand(net, slices, [chip.position(k) for k in range(chip.n_cores)])
    x = SpikeTimes([[[float(k + 1) for k, fires in enumerate(train) if fires] for train in one.inputs]])
    placed = hardware.PlacedChip(chip, placement, step=1.0)
    run = eventsim.simulate(net, x, until=float(STEPS), transport=placed, engine="reference")
    return run, hardware.step_times(run, engine="reference")


class Both(NamedTuple):
    """What both say of one network: step by step in seconds, and joules by component."""

    spikes: tuple[int, int]
    lengths: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
    energies: dict[str, tuple[float, float]]


def both(seed: int) -> Both:
    """Both simulators on one network."""
    one = small(seed)
    result, (run, steps) = theirs(one), ours(one)
    bill = hardware.price(hardware.counted(run, steps), hardware.chip("loihi_sanafe"))
    costs = {item.operation: item.energy[0] for item in bill.items if item.energy}
    energy = result["energy"]
    # Step 0, in which nothing happens, is no step of SANA-FE: each neuron's idle update in it is left out.
    idle = hardware.chip("loihi_sanafe").need("prices.neuron_updates_idle") * (one.sizes[1] + one.sizes[2])
    soma = costs["neuron_updates_driven"] + costs["neuron_updates_idle"] - idle + costs["spikes"]
    return Both(
        (result["neurons_fired"], len(run.spikes)),
        (np.array(result["perf_trace"]["sim_time"]), steps.lengths[0][1:]),
        {
            "synapses": (energy["synapse"], costs["synaptic_operations"]),
            "messages": (energy["network"], costs["axon_out"] + costs["hops_x"] + costs["hops_y"]),
            "neurons": (energy["soma"], soma),
        },
    )


def table() -> list[str]:
    """A row for each network: spikes, how long all steps took, joules by component; SANA-FE / eventsim."""
    rows = ["| network | spikes | time, us | synapses, nJ | messages, nJ | neurons, nJ |", "|---|---|---|---|---|---|"]
    for seed in SEEDS:
        found = both(seed)
        times = [float(part.sum()) * 1e6 for part in found.lengths]
        parts = [f"{seed}", "{} / {}".format(*found.spikes), "{:.3f} / {:.3f}".format(*times)]
        parts += ["{:.4f} / {:.4f}".format(*(energy * NS for energy in pair)) for pair in found.energies.values()]
        rows.append(f"| {' | '.join(parts)} |")
    return rows


if __name__ == "__main__":
    print("\n".join(table()))
