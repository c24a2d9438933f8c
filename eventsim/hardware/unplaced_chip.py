"""A chip and how a network is to be put on it: a transport that places each network anew.

Relies on chips and on placed chips. Used by studies, whose knobs change the network, its windows or the number of
cores: each point has a placement of its own. Study files name one, ``{transport = "chip", chip = "mesh"}``.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsim.checks import choice, flag
from eventsim.fabric.contract import Fabric, Transport
from eventsim.hardware import chip_settings
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.chip_file import chip as chip_named
from eventsim.hardware.chip_text import chip_from, described
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.hardware.placing import POOLS, SOURCES
from eventsim.hardware.strategies import STRATEGIES
from eventsim.network.network import Network


@dataclass(frozen=True)
class UnplacedChip(Transport):
    """A chip on which each network is placed anew, by a strategy.

    Attributes
    ----------
    chip
        A chip, its name or file, or what `chip_text.described` makes of one.
    strategy, pools, sources
        As `eventsim.hardware.place` takes them; a strategy by its name.
    log
        Whether runs record each hop of each packet, which reports of latency read, and studies do not.
    step
        Of a chip whose steps end at a barrier the length of a step, in the unit of the network; None of others.

    Raises
    ------
    InputError
        No such chip, no such strategy.

    Examples
    --------
    >>> import eventsim
    >>> from eventsim import hardware
    >>> net = eventsim.Network(time_unit=1e-6)
    >>> pixels, cells = net.source(4, "pixels"), net.population("lif_delta", 6, "cells", tau_mem=10.0)
    >>> _ = net.connect(pixels, cells, eventsim.Dense([[0.5] * 4] * 6))
    >>> placed = hardware.UnplacedChip("mesh", "spread").on(net)
    >>> placed.placement.cores("cells").tolist()
    [2, 5, 7, 10, 13, 15]
    """

    chip: ChipDescription | Mapping[str, Any] | str | Path
    strategy: str = "linear"
    pools: str = "receiver"
    sources: str = "off-chip"
    log: bool = False
    step: float | None = None

    name = "chip"

    def __post_init__(self) -> None:
        if isinstance(self.chip, Mapping):
            object.__setattr__(self, "chip", chip_from(self.chip))
        elif not isinstance(self.chip, ChipDescription):
            object.__setattr__(self, "chip", chip_named(self.chip))
        choice("UnplacedChip", "strategy", self.strategy, list(STRATEGIES))
        choice("UnplacedChip", "pools", self.pools, POOLS)
        choice("UnplacedChip", "sources", self.sources, SOURCES)
        flag("UnplacedChip", "log", self.log)

    @classmethod
    def settings(cls) -> list[str]:
        """What studies may turn: how a network is placed, and what `chip_settings` has of the chip."""
        return [*super().settings(), *chip_settings.names()]

    @classmethod
    def takes(cls, setting: str) -> bool:
        """Is this an argument, or something of a chip, with or without a unit?"""
        return setting in super().settings() or chip_settings.is_setting(setting)

    @classmethod
    def kept(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with the chip itself in place of its name or file."""
        named = settings.get("chip")
        return {**settings, "chip": described(chip_named(named))} if isinstance(named, str | Path) else dict(settings)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> "UnplacedChip":
        """Return it with such settings, those of the chip turned: "slower": 2, "link.service[ns]": 5."""
        arguments = super().settings()
        own = {name: value for name, value in settings.items() if name in arguments}
        made = cls(**own)
        rest = {name: value for name, value in settings.items() if name not in own}
        return dataclasses.replace(made, chip=chip_settings.turned(made._chip, rest))

    @property
    def _chip(self) -> ChipDescription:
        assert isinstance(self.chip, ChipDescription)
        return self.chip

    def on(self, net: Network) -> PlacedChip:
        """Return the chip with this network on it.

        Raises
        ------
        PlacementError
            What does not fit, with the smallest change that would.
        InputError
            The fabric needs what nobody knows of the chip; a step where there is none, or none where there is one.
        """
        return PlacedChip.of(
            self._chip,
            net,
            self.strategy,
            pools=self.pools,
            sources=self.sources,
            traffic=None,
            log=self.log,
            step=self.step,
        )

    def fabric(self, net: Network) -> Fabric:
        """Return the fabric of a network; what `on` refuses is refused."""
        return self.on(net).fabric(net)

    def describe(self) -> dict[str, Any]:
        """Chip and options, of what JSON knows."""
        return super().describe() | {"chip": described(self._chip)}
