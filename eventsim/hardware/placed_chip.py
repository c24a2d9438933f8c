"""A network on a chip, as a transport: `simulate(net, x, transport=chip.place(net))`.

Relies on the chip, the placement and the wiring.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventsim.checks import flag, shown
from eventsim.errors import InputError
from eventsim.fabric.contract import Fabric, Transport
from eventsim.hardware import chip_settings
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.chip_text import chip_from, described
from eventsim.hardware.distances import Distance, manhattan, torus
from eventsim.hardware.keys import ON_GRID
from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.model_steps import BARRIER, on_steps, step_of
from eventsim.hardware.placement import Placement
from eventsim.hardware.placing import place, place_as
from eventsim.hardware.wiring import Wiring
from eventsim.network.network import Network

LIMITS = {
    "neurons": "neurons_per_core", "fan_in": "fan_in", "synapses": "synapses_per_core",
    "memory": "synapse_memory_per_core", "axons": "axons_per_core", "weight_bits": "weight_bits",
}  # fmt: skip


@dataclass(frozen=True)
class PlacedChip(Transport):
    """A chip with the neurons of a network on its cores.

    Attributes
    ----------
    chip
        The chip, or what `chip_text.described` makes of one.
    placement
        Where the neurons live, or its description.
    log
        Whether each hop of each packet is recorded: reports and pictures of latency need it.
    step
        Of a chip whose steps end at a barrier the length of a step, in the unit of the network: spikes go on at its
        multiples, however long the chip takes for it (`step_times`). None of other chips.

    Raises
    ------
    InputError
        A step that is missing, or that there is not; a chip of barriers that would lose packets.
    """

    chip: ChipDescription | Mapping[str, Any]
    placement: Placement | Mapping[str, Any]
    log: bool = True
    step: Any = None

    name = "placed_chip"

    def __post_init__(self) -> None:
        if isinstance(self.chip, Mapping):
            object.__setattr__(self, "chip", chip_from(self.chip))
        flag("PlacedChip", "log", self.log)
        chip = self.chip
        if not isinstance(chip, ChipDescription):
            raise InputError(f'PlacedChip: chip = {shown(chip)}; must be a Chip. Give e.g. hardware.chip("mesh").')
        if not isinstance(self.placement, Placement | Mapping):
            raise InputError(
                f"PlacedChip: placement = {shown(self.placement)}; must be a Placement. Let chip.place(net) make both."
            )
        if chip.need("time.discipline") == BARRIER:
            object.__setattr__(self, "step", step_of(chip, self.step))
        elif self.step is not None:
            raise InputError(
                f"PlacedChip: step = {shown(self.step)}; must be None, since {chip.name} has no steps that end at a "
                "barrier. Leave it out."
            )

    @classmethod
    def of(
        cls, chip: ChipDescription, net: Network, strategy: Any, *, pools: str, sources: str, traffic: Any, log: bool,
        step: Any,
    ) -> "PlacedChip":  # fmt: skip
        """Place a network by a strategy; see `Chip.place`."""
        known = {name: chip.known(f"limits.{key}") for name, key in LIMITS.items()}
        given: dict[str, Any] = {name: None if value is None else int(value) for name, value in known.items()}
        somewhere = chip.need("topology.kind") in ON_GRID or "topology.positions" in chip.facts
        positions = [chip.position(core) if somewhere else (core, 0) for core in range(chip.n_cores)]
        distance: Distance = manhattan
        if chip.need("topology.kind") == "torus":
            distance = torus(*map(int, chip.need("topology.size")))
        found = place(
            net,
            positions,
            CoreLimits(**given),
            strategy,
            distance=distance,
            pools=pools,
            sources=sources,
            traffic=traffic,
        )
        return cls(chip, found, log, step)

    @classmethod
    def settings(cls) -> list[str]:
        """What studies may turn: its arguments, and what `chip_settings` has of the chip."""
        return [*super().settings(), *chip_settings.names()]

    @classmethod
    def takes(cls, setting: str) -> bool:
        """Is this an argument, or something of a chip, with or without a unit?"""
        return setting in super().settings() or chip_settings.is_setting(setting)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> "PlacedChip":
        """Return it with such settings, those of the chip turned: "slower": 2, "link.service[ns]": 5."""
        arguments = super().settings()
        own = {name: value for name, value in settings.items() if name in arguments}
        made = cls(**own)
        assert isinstance(made.chip, ChipDescription)
        rest = {name: value for name, value in settings.items() if name not in own}
        return dataclasses.replace(made, chip=chip_settings.turned(made.chip, rest))

    def wiring(self, net: Network) -> Wiring:
        """Return the stations and routes of a network of these populations."""
        placement, chip = self.placement, self.chip
        assert isinstance(chip, ChipDescription)
        if isinstance(placement, Mapping):
            placement = place_as(net, placement)
        placement.check(net)
        return Wiring(net, chip, placement)

    def fabric(self, net: Network) -> Fabric:
        """Return the fabric of a network of these populations.

        Raises
        ------
        InputError, PlacementError
            Another network; a network without `time_unit`; values that nobody knows of the chip.
        """
        found = self.wiring(net).fabric(self.log)
        return found if self.step is None else on_steps(found, self.step)

    def describe(self) -> dict[str, Any]:
        """ChipDescription, placement and option, of what JSON knows."""
        placement = self.placement
        assert isinstance(self.chip, ChipDescription)
        return {
            "transport": self.name, "chip": described(self.chip),
            "placement": dict(placement) if isinstance(placement, Mapping) else placement.describe(), "log": self.log,
            "step": self.step,
        }  # fmt: skip
