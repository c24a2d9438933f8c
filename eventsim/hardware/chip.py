"""Chips, and networks that are placed on them.

Relies on the description of a chip, and on placed chips. Made from TOML files (`eventsim.hardware.chip`).
"""

from fractions import Fraction
from typing import Any, Self

from eventsim.hardware import clocks
from eventsim.hardware.chip_description import ChipDescription, Station
from eventsim.hardware.counting import counted
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.hardware.pricing import Bill, price
from eventsim.network.network import Network
from eventsim.run.run import Run

__all__ = ["Chip", "Station"]


class Chip(ChipDescription):
    """A chip: all that is known of it (`ChipDescription`), at any clock, and with a network's neurons on it."""

    def slower(self, factor: float) -> Self:
        """The chip with all that its circuits do taking `factor` times as long; below 1 it is faster.

        Services and latencies of stations, the work of cores, barriers and the shortest step change; ticks, deadlines
        and prices do not.

        Raises
        ------
        InputError
            A factor that is not above 0 and finite.

        Examples
        --------
        >>> from eventsim import hardware
        >>> hardware.chip("mesh").slower(2.5).need("core.axon_in")
        2.5e-08
        """
        return clocks.slower(self, factor)

    def at_clock(self, clock: str) -> Self:
        """The chip at another clock, such as "140 MHz": `slower` by the ratio of its own clock, `time.clock`, to this.

        Raises
        ------
        InputError
            The chip does not say at which clock its times hold; a clock that is none.

        Examples
        --------
        >>> from eventsim import hardware
        >>> chip = hardware.chip("mesh").replace({"time.clock": "200 MHz"})
        >>> chip.need("link_x.service"), chip.at_clock("250 MHz").need("link_x.service")
        (5e-09, 4e-09)
        """
        return clocks.at_clock(self, clock)

    def place(
        self, net: Network, strategy: Any = "linear", *, pools: str = "receiver", sources: str = "off-chip",
        traffic: Any = None, log: bool = True, step: float | Fraction | None = None,
    ) -> PlacedChip:  # fmt: skip
        """Place a network on the chip; what is returned is the ``transport`` of `eventsim.simulate`.

        Parameters
        ----------
        net
            The network, with `time_unit`.
        strategy, pools, sources, traffic
            As `eventsim.hardware.place` takes them. Limits that nobody knows of the chip do not limit.
        log
            Whether runs record each hop of each packet, which reports of latency read.
        step
            Of a chip whose steps end at a barrier, which needs no `time_unit`: the length of a step in the unit of the
            network. Other chips have none.

        Raises
        ------
        PlacementError
            What does not fit, with the smallest change that would.
        InputError
            What the fabric needs of the chip is unknown; a step where there is none, or none where there is one.

        Examples
        --------
        >>> import eventsim
        >>> from eventsim import hardware
        >>> net = eventsim.Network(time_unit=1e-6)
        >>> pixels, cells = net.source(4, "pixels"), net.population("lif_delta", 6, "cells", tau_mem=10.0)
        >>> _ = net.connect(pixels, cells, eventsim.Dense([[0.5] * 4] * 6))
        >>> placed = hardware.chip("mesh").place(net)
        >>> run = eventsim.simulate(net, eventsim.SpikeTimes([[[0.0], [0.0], [1.0], [2.0]]]), transport=placed)
        >>> run.counters["transport"]["delivered"]  # of 4 pixels to a core, and of 6 cells off the chip
        10
        """
        return PlacedChip.of(self, net, strategy, pools=pools, sources=sources, traffic=traffic, log=log, step=step)

    def bill(self, run: Run) -> Bill:
        """What a run costs here, wherever it was simulated: ``price(counted(run), chip)``."""
        return price(counted(run), self)
