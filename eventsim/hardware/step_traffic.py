"""The packets of one step, as a run of their own: a network of sources in the place of neurons, on the same chip.

Relies on placed chips and on the engines. Used by `step_times`. A barrier parts steps from each other, so that each is
a sample that begins with an empty chip; its unit of time is a second.
"""

import itertools
from typing import Any

import numpy as np

from eventsim.engines.destinations import part_of
from eventsim.errors import InputError
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.hardware.placement import Placement, slices_of
from eventsim.hardware.placing import place_by_hand
from eventsim.hardware.relay_cores import OFF_CHIP
from eventsim.network.camera_events import Events
from eventsim.network.convolution import Pool
from eventsim.network.network import Network, Source
from eventsim.network.sources import SpikeTimes
from eventsim.run.run import Run
from eventsim.simulate import simulate

Array = np.ndarray[Any, Any]
FOREVER = 2.0**40  # seconds until which what is sent is received


class Traffic:
    """A network whose neurons are sources, and whose spikes come to where synapses are, and nowhere else.

    Parameters
    ----------
    net, chip, placement
        The network, the chip, and where the neurons live on it.
    """

    def __init__(self, net: Network, chip: ChipDescription, placement: Placement) -> None:
        self.net = Network(time_unit=1.0)
        sources = {
            node.order: self.net.source(node.shape, node.name)
            for node in net.nodes
            if isinstance(node, Source) or node.model.spiking
        }
        self.order = {node.name: node.order for node in net.nodes}
        names = {*self.order}
        cores = {net.nodes[order].name: placement.cores(net.nodes[order].name) for order in sources}
        for population in net.populations:
            incoming = [one for one in net.projections if one.post is population]
            if not incoming:
                continue
            name = _free(f"into {population.name}", names)
            cores[name] = placement.cores(population.name)
            sink = self.net.population("integrator", population.shape, name, window=(0.0, FOREVER))
            for one in incoming:
                kind = part_of(one, np.ones(population.size, dtype=bool))[0] if isinstance(one.kind, Pool) else one.kind
                self.net.connect(sources[one.pre.order], sink, kind)
        slices = [part for name, core in cores.items() for part in slices_of(name, core) if part.core != OFF_CHIP]
        in_time = chip.replace({"time.discipline": "real-time", "time.tick": None})
        placed = place_by_hand(self.net, slices, placement.positions, pools="neurons")
        self.placed = PlacedChip(in_time, placed)

    def run(self, n: int, order: Array, neuron: Array, which: Array, leaving: Array, engine: str) -> Run:
        """Return the run of `n` steps: spikes of neurons (population, index) that leave in step `which` of these.

        Raises
        ------
        InputError
            Packets that take thousands of years.
        SimulationError
            Packets that wait for each other in a circle.
        """
        x = {}
        for source in self.net.sources:
            mine = np.flatnonzero(order == self.order[source.name])
            in_order = mine[np.lexsort((leaving[mine], neuron[mine], which[mine]))]
            borders = np.searchsorted(which[in_order], np.arange(n + 1))
            parts = [in_order[a:b] for a, b in itertools.pairwise(borders)]
            x[source.name] = SpikeTimes([Events(leaving[part], neuron[part], source.shape) for part in parts])
        found = simulate(self.net, x, transport=self.placed, engine=engine, until=FOREVER / 2)
        if found.counters["transport"]["under_way"]:
            raise InputError(
                f"step_times: packets of a step take longer than {FOREVER / 2:.3g} s; must be there by then. Give the "
                "chip shorter services and latencies."
            )
        return found


def _free(name: str, taken: set[str]) -> str:
    """A name that no part of the network has."""
    while name in taken:
        name = f"into {name}"
    taken.add(name)
    return name
