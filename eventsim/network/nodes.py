"""The parts of a network: sources, populations, and the projections between them, as the network has checked them.

Relies on the neuron-model contract, the generators, the projections and the steps of currents. Made by `network`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.checks import check_held, integer, read_only, reals, shown
from eventsim.errors import NetworkError
from eventsim.network.generators import Generator
from eventsim.network.neuron_model import Array, Model
from eventsim.network.parameters import chosen
from eventsim.network.projections import ProjectionKind, own_delays
from eventsim.network.steps import Steps
from eventsim.wording import name_text, several, size_text, span

MAX_NEURONS = 2**31 - 1  # of a network: what spikes number in 31 bits


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """Neurons whose spikes come from outside: coded values, given spike times, or a generator.

    Attributes
    ----------
    window
        The times (t_min, t_max) between which values are coded.
    value_range
        The values (low, high) that map to t_max and t_min.
    generator
        Makes the spikes instead of the user, or None.
    """

    name: str
    shape: tuple[int, ...]
    order: int
    window: tuple[Any, Any]
    value_range: tuple[Any, Any]
    generator: Generator | None

    def __repr__(self) -> str:
        coded = f"values in {_interval(self.value_range)} are coded in {_interval(self.window)}"
        what = coded if self.generator is None else repr(self.generator)
        return f"Source {name_text(self.name)}: {_neurons(self.shape)}; {what}"

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """Neurons of one model.

    Attributes
    ----------
    parameters : dict of arrays (size,)
        Read-only parameters by name.
    window
        The times (t_start, t_min, t_max) of windowed models, else None.
    steps
        The `Steps` of parameters that change in time, by name; `parameters` has their first values.
    """

    name: str
    shape: tuple[int, ...]
    order: int
    model: Model
    parameters: Mapping[str, Array]
    window: tuple[Any, Any, Any] | None
    steps: Mapping[str, Steps]

    def __repr__(self) -> str:
        changed = [name for name, array in self.parameters.items() if name in self.steps or self._given(name, array)]
        said = [f"{name} {self._said(name)}" for name in changed]
        window = [] if self.window is None else [f"window {_interval(self.window)}"]
        return (
            f"Population {name_text(self.name)}: {_neurons(self.shape)} of {self.model.name}; "
            f"{several([*said, *window]) or 'all parameters at their defaults'}"
        )

    def _given(self, name: str, array: Array) -> bool:
        """Has a parameter another value than its default in any neuron?"""
        parameter = self.model.parameter(name)
        if parameter.default is None:
            return True
        default: Any = parameter.default
        return bool((array != (parameter.choices.index(default) if parameter.choices else default)).any())

    def _said(self, name: str) -> str:
        """The values of a parameter, in words."""
        if name in self.steps:
            return f"in {len(self.steps[name].times)} steps, {span(self.steps[name].values)}"
        choices = self.model.parameter(name).choices
        return choices[int(self.parameters[name][0])] if choices else span(self.parameters[name])

    # A copy, or what another process is sent, is as read-only as the population itself.
    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"parameters": dict(self.parameters), "steps": dict(self.steps)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = {name: read_only(array) for name, array in state["parameters"].items()}
        steps = MappingProxyType(state["steps"])
        vars(self).update(state | {"parameters": MappingProxyType(parameters), "steps": steps})

    def pieces(self) -> list[tuple[float, dict[str, Array]]]:
        """When parameters change, and all parameters from then on; nothing where none does."""
        times = np.unique(np.concatenate([np.empty(0), *(steps.times[1:] for steps in self.steps.values())]))
        return [
            (t, {**self.parameters, **{name: steps.at(t, self.size) for name, steps in self.steps.items()}})
            for t in times.tolist()
        ]

    @property
    def given(self) -> dict[str, Any]:
        """All parameters as `Network.population` takes them: choices by their words, `Steps` where they change."""
        shown_as = {name: chosen(self.model.parameter(name), array) for name, array in self.parameters.items()}
        return shown_as | dict(self.steps)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    """One connection between two nodes: how far (delay), how strongly (kind), and which receptor it reaches, if any."""

    order: int
    pre: Source | Population
    post: Population
    kind: ProjectionKind
    delay: Any
    receptor: str | None = None

    @property
    def receptor_number(self) -> int:
        """The place of its receptor among those of its target, 0 where there is one."""
        return 0 if self.receptor is None else self.post.model.receptors.index(self.receptor)

    def __repr__(self) -> str:
        delay = f", delay {span(self.delay)}" if own_delays(self.kind) is None and self.delay else ""
        ends = f"{name_text(self.pre.name)} -> {name_text(self.post.name)}"
        reached = f" at receptor {self.receptor}" if self.receptor else ""
        return f"Projection {ends}{reached}: {self.kind.n_synapses:,} synapses{delay}; {self.kind!r}"

    @property
    def label(self) -> str:
        """For messages: "input -> hidden (Dense)"."""
        return f"{self.pre.name} -> {self.post.name} ({type(self.kind).__name__})"


def _neurons(shape: tuple[int, ...]) -> str:
    """How many neurons there are, in which shape."""
    n = math.prod(shape)
    plural = "s" if n != 1 else ""
    return f"{n:,} neuron{plural}" + (f" ({size_text(shape)})" if len(shape) > 1 else "")


def _interval(times: tuple[Any, ...]) -> str:
    return f"[{', '.join(f'{float(t):g}' for t in times)}]"


def least_delay(where: str, pre: Source | Population, delays: Array, delay: Any) -> Any:
    """The shortest of the delays that synapses have of their own; refused where they cannot have them."""
    least = delays.min() if delays.size else 0
    if delay not in (0, least):  # the least one is what the projection shows
        raise NetworkError(
            f"{where}: delay = {delay}, and synapses have delays of their own; must be given once. Add it to those of "
            "Sparse."
        )
    if isinstance(pre, Population) and pre.model.clocked:
        raise NetworkError(
            f"{where}: {pre.name!r} is clocked, and its delays are counted in ticks; synapses must share one. Connect "
            "with one Sparse for each delay."
        )
    if not delays.size:
        return delay
    return least.item() if isinstance(least, np.generic) else least  # a plain number, as every other delay is one


def checked_shape(where: str, shape: Any, n_others: int) -> tuple[int, ...]:
    """The shape of a new node as positive integers; the network has `n_others` neurons already."""
    given = shape.tolist() if isinstance(shape, np.ndarray) else shape
    given = given if isinstance(given, tuple | list) else (given,)
    remedy = f"It is shape = {shown(shape)}; give a positive integer or several. Empty layers are not allowed."
    if not given:
        raise NetworkError(f"{where}: shape has no axis; must have at least one. {remedy}")
    sizes = tuple(integer(where, f"shape[{k}]", n, NetworkError, low=1, remedy=remedy) for k, n in enumerate(given))
    total = math.prod(sizes) + n_others
    if total > MAX_NEURONS:
        raise NetworkError(
            f"{where}: shape = {shown(shape)} makes {total:,} neurons in all; a network has at most "
            f"{MAX_NEURONS:,}, sources counted. Make it smaller."
        )
    return sizes


def checked_window(where: str, model: Model, window: Any) -> tuple[Any, Any, Any] | None:
    """The window that a model takes: (t_start, t_min, t_max), increasing; of a read-out t_max is inf."""
    if not (model.windowed or (model.relay and window is not None)):
        if window is not None:
            raise NetworkError(
                f"{where}: window = {shown(window)}, but {model.name} has no window. Leave it out, or choose a "
                "windowed model such as ttfs_b1."
            )
        return None
    times = reals(window)
    if len(times) == 2 and not model.spiking:
        times = (*times, math.inf)
    if len(times) == 2 and model.relay:
        times = (times[0], *times)
    starts = len(times) == 3 and (times[0] < times[1] or (model.relay and times[0] == times[1]))
    increasing = starts and 0 <= times[0] <= times[1] < times[2] and times[1] < math.inf
    if not increasing or (model.spiking and times[2] == math.inf):
        raise NetworkError(
            f"{where}: window = {shown(window)}; {model.name} needs (t_start, t_min, t_max) with "
            "0 <= t_start < t_min < t_max. Windows are increasing: inputs first, then the layer's own spikes."
        )
    check_held(where, "window", times, NetworkError)
    return times
