"""One neuron of the reference engine: its parameters, its state, and what may happen to it.

Relies on the scalar functions of a neuron model alone. Used by `sample` and `replay`. A neuron has a time of its own
at which its state was last changed; every function below that changes the state says when.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eventsim.network import order
from eventsim.network.dynamics import Dynamics
from eventsim.network.network import Network, Population
from eventsim.network.neuron_model import Array, Model


@dataclass(eq=False)
class Layer:
    """What the neurons of one population have in common.

    Attributes
    ----------
    model, dynamics
        The population's model, with rounding bounds where they are asked for, and its functions.
    p
        The parameters of each neuron, as the model's functions see them.
    held
        How long each neuron is held after a spike, in time.
    t_start, t_min, t_max
        The window; 0, inf, inf without one.
    closed_from
        The time from which inputs change nothing.
    period, rank
        The period of a clocked population, in time, and the micro-step in which it ticks.
    readout
        First column of the read-out, where the population does not spike.
    pieces
        The times at which the drive changes, each with the parameters of each neuron from then on.
    """

    population: Population
    model: Model
    dynamics: Dynamics
    p: list[tuple[Any, ...]]
    held: list[Any]
    t_start: Any
    t_min: Any
    t_max: Any
    closed_from: Any
    period: Any
    rank: int
    readout: int
    pieces: list[tuple[Any, list[tuple[Any, ...]]]]


def new_layers(net: Network, error_bounds: bool, number: Any) -> dict[int, Layer]:
    """The layers of a network by the order of their populations; `number` converts what the network holds."""
    layers: dict[int, Layer] = {}
    ranks = order.clocked_ranks(net)
    column = 0
    for population in net.populations:
        layers[population.order] = new_layer(population, number, error_bounds, ranks.get(population.name, 0), column)
        column += 0 if population.model.spiking else population.size
    return layers


def new_layer(
    population: Population, number: Any, error_bounds: bool = False, rank: int = 0, readout: int = 0
) -> Layer:
    """What the neurons of one population share; `number` converts what the population holds."""
    model = population.model.with_bounds(error_bounds)

    def prepared(parameters: Mapping[str, Array]) -> list[tuple[Any, ...]]:
        rows = model.prepare(parameters, population.window)
        return list(zip(*([number(value) for value in row.tolist()] for row in rows), strict=True))

    held = model.held(population.parameters)
    t_start, t_min, t_max = (model.windowed and population.window) or (0, math.inf, math.inf)
    return Layer(
        population=population,
        model=model,
        dynamics=model.dynamics,
        p=prepared(population.parameters),
        held=[number(0)] * population.size if held is None else [number(value) for value in held.tolist()],
        t_start=number(t_start),
        t_min=number(t_min),
        t_max=number(t_max),
        closed_from=number(t_min if model.deaf or not model.spiking else t_max),
        period=number(order.period(population)) if model.clocked else None,
        rank=rank,
        readout=readout,
        pieces=[(number(t), prepared(later)) for t, later in population.pieces()],
    )


@dataclass(eq=False)
class Neuron:
    """One neuron in one sample.

    Attributes
    ----------
    s, t
        Its state, and the time of that state, which is ahead of now where the neuron is held (before t_start,
        refractory).
    entry
        Its one entry in the agenda (its next crossing, or the end of its refractoriness), or None.
    crossing, certain
        The crossing that was predicted last, and the time from which its spike may leave.
    done
        Whether it has fired its one spike.
    number
        How many spikes were decided so far.
    last_spike
        Time of the last emission.
    error
        Bounds on the rounding error of its last spike, in time: on its own inputs, on the whole network's.
    """

    layer: Layer
    index: int
    s: tuple[Any, ...] = ()
    t: Any = None
    entry: Any = None
    crossing: Any = math.inf
    certain: Any = math.inf
    done: bool = False
    number: int = 0
    last_spike: Any = None
    error: tuple[Any, Any] = (0.0, 0.0)
    p: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.p = self.layer.p[self.index]
        self.s, self.t = self.layer.dynamics.initial(self.p), self.layer.t_start

    def move(self, t: Any) -> None:
        """State at t, given no input in [self.t, t)."""
        if t > self.t:
            self.s = self.layer.dynamics.advance(self.layer.dynamics.propagator(self.p, t - self.t), self.s)
            self.t = t

    def receive(self, t: Any, weight: Any, error: Any, receptor: int = 0) -> bool:
        """Take an input at t; return whether the neuron must be tested, now that its state has changed.

        A held neuron (before t_start, or clocked) only stores its input: time does not pass for it.
        """
        layer = self.layer
        held = layer.model.clocked or t < layer.t_start
        if not held:
            if self.done or t < self.t or t >= layer.closed_from:
                return False
            self.move(t)
        asked = (error,) if layer.dynamics.time_error else (receptor,) if layer.dynamics.n_receptors > 1 else ()
        self.s = layer.dynamics.receive(self.s, weight, *asked)
        return not held

    def predict(self, t: Any, initialised: bool = False) -> Any:
        """When the neuron crosses its threshold if nothing else reaches it; inf where it does not.

        t where it was moved or initialised to V >= threshold. A crossing at or after t_max is silence.
        """
        model = self.layer.model
        if (initialised or model.jumps) and model.dynamics.above(self.p, self.s):
            self.crossing = t
        else:
            crossing = self.t + model.dynamics.time_to_spike(self.p, self.s)
            self.crossing = crossing if crossing < self.layer.t_max else math.inf
        self.certain = self.crossing
        return self.crossing

    def touches(self) -> bool:
        """Did rounding decide that the neuron, which is about to fire, does?"""
        touching = self.layer.dynamics.touching
        return touching is not None and bool(touching(self.p, self.s))

    def fire(self, t: Any) -> None:
        """The neuron crosses at t: its state after the spike, held until the end of its refractoriness."""
        model = self.layer.model
        if model.dynamics.time_error:
            self.error = model.dynamics.time_error(self.p, self.s, t)
        if model.single_spike:
            self.done, self.s = True, model.dynamics.retire(self.p, self.s)
        else:
            self.move(t)
            self.s = model.dynamics.reset(self.p, self.s)
            self.t = t + self.layer.held[self.index]

    def open_window(self, t: Any) -> None:
        """State at t = t_min."""
        self.move(t)
        self.s = self.layer.dynamics.open_window(self.p, self.s)

    def change(self, t: Any, piece: int) -> bool:
        """The drive changes at t; is the neuron to be tested? One that is held, or done, only takes note."""
        layer = self.layer
        held = (
            t < self.t or self.done or layer.model.clocked or t > (layer.t_max if layer.model.spiking else layer.t_min)
        )
        if not held:
            self.move(t)
        self.p = layer.pieces[piece][1][self.index]
        return not held

    def tick(self) -> bool:
        """Take a clock tick; return whether the neuron fires."""
        model = self.layer.model
        self.s = model.dynamics.tick(self.p, self.s)
        if not model.dynamics.above(self.p, self.s):
            return False
        self.s = model.dynamics.reset(self.p, self.s)
        return True
