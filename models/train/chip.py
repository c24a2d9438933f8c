"""The chip of one step: what faults make of the weights and spike times of a network in training.

The network is built once, with weights of 0, so that faults find the names, shapes and places of its parts; weights,
thresholds and windows are those of the moment. Times are perturbed by the faults' own scalar functions at absolute
times, t_max + relative time, with the keys and numbers of draws of `eventsim.simulate`.

B1 neurons, means and read-outs are deaf from t_min on: what leaves at t_max or later is a value of 0 for them. Alpha
neurons are not: a late input adds its weight to their slope once more, which no closed form here follows. So faults
that let spikes leave late are refused where slopes are alpha. No neuron is premature here: a spike that would come
before t_min stays where it is, and no fault moves it to before t_min that was not there.

Relies on the faults, on `spiking` and on the straight-through rules. Used by `Training`, its
judge, and by people who evaluate.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.errors import FaultError
from eventsim.faults.acting import EMISSION, fault_keys, occurrences
from eventsim.faults.contract import DeviceFault, EmissionFault
from eventsim.faults.device.mismatch import Mismatch
from eventsim.faults.device.weights import WeightFault
from eventsim.faults.draws import Draws
from eventsim.faults.making import draws_of
from eventsim.faults.reach import parts_of
from eventsim.faults.state.complete_sum import CompleteSum
from eventsim.faults.sweep import sweep_of
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.disturbance import Disturbance
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.layers import Arrays, EarliestPool, MeanPool, Neurons, TrainableLayer
from eventsim.models.train.linear_maps import row_sums
from eventsim.models.train.network import TrainableNetwork
from eventsim.models.train.spiking import spiking_network
from eventsim.models.train.straight_through import through_time, through_weight
from eventsim.network.network import Network
from eventsim.network.nodes import Population, Projection

Array = np.ndarray[Any, Any]


class Chip:
    """A network, and the faults that it is trained to bear.

    Parameters
    ----------
    network
        What is trained; its weights and windows are looked at in each step.
    hardware
        The faults.

    Raises
    ------
    FaultError
        Faults that find nothing to act on, or name what is not there; faults of weights where there are batch norms.
    """

    def __init__(self, network: TrainableNetwork, hardware: HardwareAware) -> None:
        self.network, self.hardware = network, hardware
        self.net = _skeleton(network)
        self.incoming: dict[str, Projection] = {one.post.name: one for one in self.net.projections}
        self.devices = [
            (fault, which, set(parts_of(fault, self.net)))
            for fault, which in zip(hardware.faults, occurrences(hardware.faults), strict=True)
            if isinstance(fault, DeviceFault)
        ]
        for fault, _, parts in self.devices:
            if not parts:
                remedy = fault.nothing_in(self.net)
                raise FaultError(f"{fault.name}: this network has nothing that it acts on; {remedy}")
            self._check(fault, parts)
        self.held: set[Any] = set()  # by `CompleteSum`
        for fault in hardware.faults:
            if isinstance(fault, CompleteSum):
                self.held.update(parts_of(fault, self.net))
        fault_keys(self.net, hardware.faults, 0)  # refuses what cannot be
        for fault in hardware.faults if isinstance(network.code, AlphaSlope) else ():
            if getattr(fault, "past", "") == "carry" and any(_strength(fault)):
                raise FaultError(_late(fault))

    def _check(self, fault: DeviceFault, parts: set[Any]) -> None:
        """Refuse folded weights, which change with every batch, and thresholds that a layer's means do not have."""
        for layer in self.network.layers:
            weights = isinstance(fault, WeightFault) and self.incoming[layer.name] in parts
            if weights and getattr(layer, "norm", None) is not None:
                raise FaultError(
                    f"{fault.name}: layer {layer.name!r} has a batch norm, which on the chip is folded into its "
                    "weights; must have none; fine-tune trainable_from(relu_network(network))"
                )
            if isinstance(fault, Mismatch) and isinstance(layer, MeanPool) and self.net.node(layer.name) in parts:
                raise FaultError(
                    f"{fault.name}: layer {layer.name!r} is an average pool, whose thresholds the trainer does not "
                    "have; must be of other layers; name these with populations="
                )

    def draw(self, seed: int, sample_ids: Any) -> Disturbance:
        """Return what the chip of a seed does to samples of these ids, (n,): that of ``simulate(…, seed=seed)``."""
        return Drawn(self, seed, np.asarray(sample_ids, dtype=np.uint64))

    def windows(self) -> dict[str, tuple[float, float, float]]:
        """Return (t_start, t_min, t_max) of each layer with a threshold, as the event simulator has them."""
        found, t_start, t_min = {}, 0.0, 1.0
        for name, length in self.network.windows.items():
            t_max = t_min + length
            found[name] = t_start, t_min, t_max
            t_start, t_min = t_min, t_max
        return found


@dataclass(frozen=True)
class _Stage:
    """One emission fault where it acts on one population or source."""

    fault: EmissionFault
    key: np.uint64

    def __call__(self, window: tuple[float, float], ids: Array, times: Array) -> Array:
        """Where the spikes of times (n, size) go."""
        neurons = np.broadcast_to(np.arange(times.shape[1]), times.shape)
        p = tuple(map(float, self.fault.numbers())) or (0.0,)
        found, numbers = np.empty(times.shape), np.zeros(times.shape, dtype=np.int64)
        sweep = sweep_of(self.fault.function)
        sweep(p, window, self.key, ids, times, neurons, numbers, bool(self.fault.wakes), found)
        return found


class Drawn:
    """The chip of one seed, for samples of some ids; a `Disturbance`."""

    def __init__(self, chip: Chip, seed: int, ids: Array) -> None:
        self.chip, self.seed, self.ids = chip, seed, ids
        self.windows = chip.windows()
        self.keys = fault_keys(chip.net, chip.hardware.faults, seed)

    def inputs(self, given: Array) -> Array:
        """Return what arrives of the encoded inputs."""
        source = self.chip.net.sources[0]
        moved, _ = self._moved(source.order, (float(source.window[0]), float(source.window[1])), given)
        return moved

    def sent(self, layer: TrainableLayer, given: Array) -> tuple[Array, Any]:
        """Return what leaves of what a layer sends, and where gradients pass."""
        if layer.name not in self.windows:
            return given, None
        window = self.windows[layer.name][1:]
        cut = None
        if self.chip.net.node(layer.name) in self.chip.held:
            length = self.chip.network.windows[layer.name]
            cut = np.abs(given) <= length
            given = np.clip(given, -length, length)
        moved, passes = self._moved(self.chip.net.node(layer.name).order, window, given)
        return moved, _both(cut, passes)

    def _moved(self, order: int, window: tuple[float, float], given: Array) -> tuple[Array, Any]:
        """What emission faults make of times, or values, (n, *shape), and where gradients pass."""
        stages = [
            _Stage(fault, self.keys[k, order, 0])
            for k, fault in enumerate(self.chip.hardware.faults)
            if self.keys[k, order, 1] == EMISSION
        ]
        if not stages:
            return given, None
        sign, t_max = -self.chip.network.code.sign, window[1]
        relative = (given * sign).reshape(len(given), -1).astype(np.float64)
        first = np.where(relative < 0, t_max + relative, math.inf)
        times, passes = first, None
        for stage in stages:
            now = stage(window, self.ids, times)
            passes = _both(passes, through_time(stage.fault, times, now, window))
            times = now
        if isinstance(self.chip.network.code, AlphaSlope) and ((times >= t_max) & (times < math.inf)).any():
            raise FaultError(_late(stages[-1].fault))
        inside = np.where(times < t_max, times - t_max, 0.0)
        moved = np.where(times == first, relative, inside).astype(given.dtype)  # no bit is lost where nothing moves
        assert passes is not None
        return sign * moved.reshape(given.shape), passes.reshape(given.shape)

    # -- weights and thresholds ----------------------------------------------------------------------------------------

    def parameters(self, layer: TrainableLayer, p: Arrays) -> tuple[Arrays, Arrays]:
        """Return the parameters that a layer has on the chip, and where their gradients pass."""
        if not self.chip.devices or isinstance(layer, EarliestPool):
            return p, {}
        weight, passes = self._weights(layer, p)
        found, through = dict(p), {}
        code = self.chip.network.code
        if weight is not None:
            if isinstance(layer, Neurons) and isinstance(code, AlphaSlope):
                # The threshold is made for the slope that the weights should have.
                excess = row_sums(weight) - row_sums(p["weight"].astype(np.float64))
                shift = excess * self.chip.network.windows[layer.name]
                found["bias"] = p["bias"] + shift.reshape(-1, *[1] * (p["bias"].ndim - 1)).astype(p["bias"].dtype)
            dtype = self.chip.network.dtype
            found["weight"] = weight.astype(dtype)
            if passes is not None:
                through["weight"] = passes
        error = self._thresholds(layer, p) if isinstance(layer, Neurons) else None
        if error is not None:
            bias = found["bias"]
            spread = bias.reshape(*bias.shape, *[1] * (len(layer.shape) - bias.ndim))
            found["bias"] = (spread - error).astype(bias.dtype)
        return found, through

    def _weights(self, layer: TrainableLayer, p: Arrays) -> tuple[Array | None, Array | None]:
        """The weights on the chip in float64, None where they are those that they should be; where gradients pass."""
        part = self.chip.incoming[layer.name]
        acting = [one for one in self.chip.devices if part in one[2] and isinstance(one[0], WeightFault)]
        if not acting:
            return None, None
        first = part.kind.weights if isinstance(layer, MeanPool) else p["weight"].astype(np.float64)
        weights, passes = first, None
        for fault, which, _ in acting:
            now = _with_weights(part, weights)
            made = np.asarray(fault.alter(now, self._draws(fault, which)).get("weights", weights))
            passes = _both(passes, through_weight(fault, weights, made))
            weights = made
        same = np.array_equal(weights, first)
        return None if same else weights, passes

    def _thresholds(self, layer: Neurons, p: Arrays) -> Array | None:
        """How far thresholds are above what they should be, (*shape), in the unit of biases."""
        population: Any = self.chip.net.node(layer.name)
        acting = [one for one in self.chip.devices if population in one[2] and isinstance(one[0], Mismatch)]
        if not acting:
            return None
        code = self.chip.network.code
        t_start, t_min, t_max = self.windows[layer.name]
        bias = p["bias"].astype(np.float64)
        bias = bias.reshape(*bias.shape, *[1] * (len(layer.shape) - bias.ndim))
        if isinstance(code, AlphaSlope):
            slopes = code.slopes(p["weight"].astype(np.float64)).reshape(-1, *[1] * (len(layer.shape) - 1))
            ideal = code.alpha * (t_min - t_start) + slopes * (t_max - t_min) - bias
        else:
            ideal = getattr(code, "slope", 1.0) * (t_max - t_min) - bias
        first = np.broadcast_to(ideal, layer.shape).ravel()
        threshold = first
        for fault, which, _ in acting:
            now = _with_threshold(population, threshold)
            threshold = np.asarray(fault.alter(now, self._draws(fault, which)).get("threshold", threshold))
        return None if threshold is first else (threshold - first).reshape(layer.shape)

    def _draws(self, fault: Any, which: int) -> Draws:
        return draws_of(self.chip.net, fault, which, self.seed, 0)


def _skeleton(network: TrainableNetwork) -> Network:
    """The spiking network with weights of 0: its names, shapes and places."""
    bare = network.copy()
    for name, values in bare.parameters.items():
        if not name.endswith(".gamma"):
            values[...] = 0
    net = spiking_network(bare)
    net.hash()
    return net


def _strength(fault: Any) -> tuple[float, ...]:
    """The first number of an emission fault: of those with a `past` it is their strength."""
    return tuple(fault.numbers()[:1])


def _late(fault: Any) -> str:
    return (
        f"{fault!r}: spikes may leave at t_max or later, and neurons of alpha slope count a late input once more, "
        "which the trainer does not see; must be past='clip' or past='drop'; or train with slope = 'b1'"
    )


def _with_weights(part: Projection, weights: Array) -> Projection:
    kind: Any = part.kind
    return replace(part, kind=replace(kind, weights=weights))


def _with_threshold(population: Population, threshold: Array) -> Population:
    return replace(population, parameters={**population.parameters, "threshold": threshold})


def _both(one: Array | None, other: Array | None) -> Array | None:
    """Where both pass; None is everywhere."""
    if one is None or other is None:
        return other if one is None else one
    both: Array = one & other
    return both
