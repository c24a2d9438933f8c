"""A digital chip, simulated in integers, tick by tick: the oracle that fixed-point runs are held against.

Plain numpy on int64 and Fractions for rounding; imports nothing of eventsim. Every layer holds V and S of its neurons
as integers, walks through all ticks, and adds what arrives one input after another.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np


def round_fraction(x: Fraction, how: str) -> int:
    """An integer near x."""
    below = x.numerator // x.denominator
    left = x - below
    if how == "floor":
        return below
    if how == "toward_zero":
        return below + (1 if left and x < 0 else 0)
    if how == "half_up":
        return below + (left >= Fraction(1, 2))
    return below + (left > Fraction(1, 2) or (left == Fraction(1, 2) and below % 2 == 1))


def into_range(x: Any, bits: int, overflow: str) -> tuple[Any, Any]:
    """Integers in the range of a register, and which of them had left it."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    x = np.asarray(x, dtype=np.int64)
    outside = (x < low) | (x > high)
    if overflow == "wrap":
        return (x - low) % (1 << bits) + low, outside
    return np.clip(x, low, high), outside


def integers(values: Any, fraction: int, bits: int, rounding: str, overflow: str) -> Any:
    """Real numbers as integers of a format."""
    values = np.asarray(values, dtype=float)
    whole = [round_fraction(Fraction(float(v)) * Fraction(2) ** fraction, rounding) for v in values.ravel()]
    return into_range(np.array(whole, dtype=np.int64), bits, overflow)[0].reshape(values.shape)


@dataclass
class Layer:
    """A population: kind "b1", "alpha1", "psp" or "readout"; all numbers as integers, times in ticks."""

    kind: str
    n: int
    start: Any  # slope before any input
    fire: Any  # slope from t_min on
    threshold: Any
    window: tuple[int, int, int]  # t_start, t_min, t_max
    v: Any = None
    s: Any = None
    spike: Any = None
    readout: Any = None
    overflows: int = 0
    waits: bool = False

    def first_looks(self) -> tuple[int, ...]:
        """When it looks at its threshold for the first time: behind what arrives then."""
        return self.window[:2] if self.waits else self.window[:1]


@dataclass
class Projection:
    """From node pre (sources are -1) to a layer: dense integer weights (n_post, n_pre), delay in ticks."""

    pre: int
    post: int
    weights: Any
    delay: int


@dataclass
class Chip:
    """What the registers are, and what is in them."""

    v_bits: int
    v_fraction: int
    s_bits: int
    s_fraction: int
    t_fraction: int
    rounding: str
    overflow: str
    layers: list[Layer] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)

    def step(self, s: Any) -> Any:
        """What V moves by in a tick: S tick in quanta of V, rounded."""
        shift = self.v_fraction - self.s_fraction - self.t_fraction
        if shift >= 0:
            return s << shift
        below = s >> -shift
        left, half = s - (below << -shift), 1 << (-shift - 1)
        if self.rounding == "half_up":
            return below + (left >= half)
        if self.rounding == "toward_zero":
            return below + ((left > 0) & (s < 0))
        if self.rounding == "half_even":
            return below + ((left > half) | ((left == half) & (below % 2 == 1)))
        return below

    def run(self, source_ticks: list[Any], end: int) -> None:
        """All ticks before `end`; `source_ticks` are those at which each source neuron sends, lists of integers."""
        due: dict[int, list[tuple[int, int, int]]] = {}
        for i, ticks in enumerate(source_ticks):
            for tick in ticks:
                for p, projection in enumerate(self.projections):
                    if projection.pre == -1:
                        due.setdefault(tick + projection.delay, []).append((-1, i, p))
        for layer in self.layers:
            layer.v = np.zeros(layer.n, np.int64)
            layer.s = np.array(layer.start, np.int64).copy()
            layer.spike = np.full(layer.n, -1, np.int64)
            layer.overflows = 0
        for now in range(end):
            fired: list[tuple[int, int]] = []
            for k, layer in enumerate(self.layers):
                self.tick(layer, now)
                if now not in layer.first_looks():
                    fired += self.test(k, layer, now)
                if now == layer.window[1]:
                    layer.readout = layer.v.copy()
                    layer.s = np.where(layer.spike < 0, layer.fire, layer.s)
            for arrival in sorted(due.pop(now, [])):
                self.deliver(arrival, now)
            for k, layer in enumerate(self.layers):
                if now in layer.first_looks():
                    fired += self.test(k, layer, now)
            at_once = []
            for k, i in sorted(fired):
                for p, projection in enumerate(self.projections):
                    if projection.pre == k and projection.delay:
                        due.setdefault(now + projection.delay, []).append((k, i, p))
                    elif projection.pre == k:
                        at_once.append((k, i, p))
            for arrival in at_once:
                self.deliver(arrival, now)

    def tick(self, layer: Layer, now: int) -> None:
        """V moves by a step."""
        t_start, t_min, t_max = layer.window
        if now <= t_start or now >= t_max or (layer.kind == "readout" and now > t_min):
            return
        awake = layer.spike < 0
        moved, outside = into_range(layer.v + self.step(layer.s), self.v_bits, self.overflow)
        layer.v = np.where(awake, moved, layer.v)
        layer.overflows += int((outside & awake).sum())

    def test(self, k: int, layer: Layer, now: int) -> list[tuple[int, int]]:
        """Who fires at this tick."""
        t_start, t_min, t_max = layer.window
        if layer.kind == "readout" or not t_start <= now < t_max or (layer.waits and now < t_min):
            return []
        at = np.flatnonzero((layer.spike < 0) & (layer.v >= layer.threshold))
        layer.spike[at] = now
        return [(k, int(i)) for i in at]

    def deliver(self, arrival: tuple[int, int, int], now: int) -> None:
        """One spike adds its weights to the slopes that hear it."""
        _, i, p = arrival
        projection = self.projections[p]
        layer = self.layers[projection.post]
        closed = layer.window[1] if layer.kind in ("b1", "readout") else layer.window[2]
        if now >= closed:
            return
        hears = layer.spike < 0
        added, outside = into_range(layer.s + projection.weights[:, i], self.s_bits, self.overflow)
        layer.s = np.where(hears, added, layer.s)
        layer.overflows += int((outside & hears).sum())
