"""The chip loihi_sanafe against SANA-FE itself: its energies, the numbers of its tiles, its barrier and idle steps.

SANA-FE counts and prices a network in its own way; here what its traces counted is priced with our chip.
"""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sanafe_peer

from eventsim import hardware
from eventsim.hardware import Ledger

sanafe = pytest.importorskip("sanafe")
pytestmark = pytest.mark.peers
LOIHI = hardware.chip("loihi_sanafe")
STEPS = 6


def simulated(lines: Iterable[str], folder: Path, steps: int = STEPS) -> dict[str, Any]:
    """What SANA-FE says of a network on its own Loihi."""
    path = folder / "network.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    arch = sanafe.load_loihi()
    arch = arch[0] if isinstance(arch, tuple) else arch
    chip = sanafe.SpikingChip(arch)
    chip.load(sanafe.load_net(str(path), arch))
    result: dict[str, Any] = chip.sim(steps, perf_trace=True, message_trace=True, timing_model="detailed")
    return result


def random_network(rng: random.Random) -> tuple[list[str], int]:
    """Inputs that fire in the first steps, a layer on some cores and one behind it; how many neurons are not free."""
    sizes = [rng.randint(1, 4), rng.randint(1, 6), rng.randint(1, 6)]
    lines = ["network:", "  name: random", "  groups:"]
    for name, size in zip(("in", "mid", "out"), sizes, strict=True):
        lines += [f"    - name: {name}", "      attributes: []", "      neurons:"]
        if name == "in":
            lines += [f"        - {k}: [spikes: {[rng.randint(0, 1) for _ in range(3)]}]" for k in range(size)]
        else:
            # Whole numbers: potentials are cut to multiples of 1/64 before each sum.
            lines += [f"        - 0..{size - 1}: [soma: {{threshold: {rng.randint(1, 6)}}}]"]
    lines += ["  edges:"]
    for a, b, n in (("in", "mid", sizes[0] * sizes[1]), ("mid", "out", sizes[1] * sizes[2])):
        lines += [f"    - {a} -> {b}: [type: dense, weight: {[rng.randint(1, 4) for _ in range(n)]}]"]
    lines += ["mappings:"]
    lines += [f'  - in.{k}: [core: 0.0, soma: "loihi_inputs[{k}]", dendrite: loihi_dendrites]' for k in range(sizes[0])]
    for name, size in (("mid", sizes[1]), ("out", sizes[2])):
        for k in range(size):
            core = f"{rng.randrange(32)}.{rng.randrange(4)}"
            lines += [f"  - {name}.{k}: [core: {core}, soma: loihi_lif, dendrite: loihi_dendrites]"]
    return lines, sizes[1] + sizes[2]


def counted(result: dict[str, Any], n_neurons: int) -> Ledger:
    """A ledger of its traces: of messages their hops and synapses, of steps what was updated and fired."""
    messages = [one for step in result["message_trace"] for one in step if not one["placeholder"]]
    of_inputs = len(
        {(one["timestep"], one["src_neuron_offset"]) for one in messages if one["src_neuron_group_id"] == "in"}
    )
    fired = result["neurons_fired"] - of_inputs
    driven = result["neurons_updated"] - of_inputs  # an input that fires is updated, too, and is free
    return Ledger(
        synaptic_operations=sum(one["spikes"] for one in messages),
        spikes=fired,
        neuron_updates_driven=driven,
        neuron_updates_idle=n_neurons * STEPS - driven,
        axon_out=len(messages),
        hops_x=sum(abs(one["src_x"] - one["dest_x"]) for one in messages),
        hops_y=sum(abs(one["src_y"] - one["dest_y"]) for one in messages),
    )


@pytest.mark.parametrize("seed", range(6))
def test_our_prices_of_its_counts_are_its_energies(seed: int, tmp_path: Path) -> None:
    lines, n_neurons = random_network(random.Random(seed))
    result = simulated(lines, tmp_path)
    bill = hardware.price(counted(result, n_neurons), LOIHI)
    # It adds up in floats, neuron by neuron, so that the last digits differ.
    assert bill.low == pytest.approx(result["energy"]["total"], rel=1e-12)
    energies = {item.operation: item.energy[0] for item in bill.items if item.energy}
    assert energies["synaptic_operations"] == pytest.approx(result["energy"]["synapse"], rel=1e-12)
    network = energies["axon_out"] + energies["hops_x"] + energies["hops_y"]
    assert network == pytest.approx(result["energy"]["network"], rel=1e-12)
    assert not bill.unpriced


@pytest.mark.parametrize("seed", range(2))
def test_tiles_stand_where_it_has_them(seed: int, tmp_path: Path) -> None:
    result = simulated(random_network(random.Random(seed))[0], tmp_path)
    for message in (one for step in result["message_trace"] for one in step):
        assert LOIHI.position(message["src_core_id"]) == (message["src_x"], message["src_y"])
        assert LOIHI.tile(message["src_core_id"]) == message["src_tile_id"]


@pytest.mark.parametrize("tiles", [1, 2, 3, 4, 28, 29])
def test_a_silent_step_takes_a_visit_and_a_barrier(tiles: int, tmp_path: Path) -> None:
    lines = ["network:", "  name: silent", "  groups:", "    - name: a", "      attributes: []", "      neurons:"]
    lines += [f"        - 0..{tiles - 1}: [soma: {{threshold: 1}}]", "  edges:", "    - a.0 -> a.0: [weight: 1]"]
    lines += ["mappings:"]
    lines += [f"  - a.{k}: [core: {k}.0, soma: loihi_lif, dendrite: loihi_dendrites]" for k in range(tiles)]
    result = simulated(lines, tmp_path, steps=3)
    expected = LOIHI.barrier_length(tiles, tiles) + LOIHI.need("core.update_idle")
    assert result["sim_time"] == pytest.approx(3 * expected, rel=1e-12)


@pytest.mark.parametrize("seed", sanafe_peer.SEEDS)
def test_steps_are_as_long_where_the_rules_are_the_same(seed: int) -> None:
    found = sanafe_peer.both(seed)
    theirs, ours = found.lengths
    assert found.spikes[0] == found.spikes[1]
    for name in ("synapses", "messages"):
        assert found.energies[name][0] == pytest.approx(found.energies[name][1], rel=1e-12)
    barrier = np.floor(ours.min() * 1e8) / 1e8
    silent = ours - barrier < 1e-8  # visits alone: potentials that are left take 3.7 ns more there
    late = (theirs - ours)[silent]
    assert np.all((np.abs(late) < 1e-15) | (np.abs(late - 3.7e-9) < 1e-15))
    assert np.all(np.abs(theirs - ours)[~silent] <= 0.2 * (theirs - barrier)[~silent])
    assert theirs.sum() == pytest.approx(ours.sum(), rel=0.01)


def test_the_page_has_this_table() -> None:
    """To the digit but for SANA-FE's times, which differ from run to run where its threads meet otherwise."""
    page = Path(__file__).parents[1] / "docs" / "explanation" / "sana-fe.md"
    written = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    for line, row in zip(written, sanafe_peer.table(), strict=True):
        (*first, time), (*again, now) = ([part.strip() for part in one.split("|")] for one in (line, row))
        kept, made = (cells[:3] + cells[4:] for cells in ([*first, time], [*again, now]))
        assert kept == made
        for a, b in zip(first[3].split(" / "), again[3].split(" / "), strict=True):
            assert a == b or float(a) == pytest.approx(float(b), rel=0.01)
