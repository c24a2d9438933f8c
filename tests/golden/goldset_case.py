"""What a case of the gold set is made of, and how cases are written down. Used by the modules that hold the cases.

Every number is a float64, nearly all are multiples of a small power of two, so that sums of them are exact and what
falls on one time does so in any arithmetic. Thresholds near a tangency are made by `tangent`, of 53 bits.
"""

from typing import Any, NamedTuple

import mpmath
from mpmath import mpf

from golden import crossings

E8 = 2.0**-8  # a short time that is a float64 beside any other of the cases
NEAR = 2.0**-30  # nearer than any grid


class Population(NamedTuple):
    """Neurons of one model; a parameter is one value, a list with one a neuron, or a dict with one a receptor."""

    name: str
    model: str
    size: int
    parameters: dict[str, Any]
    window: tuple[float, float, float] | None = None

    @property
    def receptors(self) -> list[str]:
        """Names of its receptors, none where it has one kind of input."""
        tau_syn = self.parameters.get("tau_syn")
        return [*tau_syn] if isinstance(tau_syn, dict) else []


class Projection(NamedTuple):
    """Synapses (source neuron, target neuron, weight) that share a delay, and the receptor of those that have some."""

    pre: str
    post: str
    delay: float
    synapses: list[tuple[int, int, float]]
    receptor: str | None = None


class Case(NamedTuple):
    """One network with its input; `sources` are spike trains by name."""

    name: str
    about: str
    rules: tuple[str, ...]
    until: float
    sources: dict[str, list[list[float]]]
    populations: list[Population]
    projections: list[Projection]


def one(
    name: str, model: str, about: str, inputs: list[tuple[float, float]], until: float, rules: tuple[str, ...] = (),
    window: tuple[float, float, float] | None = None, delay: float = 0.0, **parameters: Any,
) -> Case:  # fmt: skip
    """A single neuron with inputs (t, weight), each from a source neuron of its own."""
    synapses = [(k, 0, weight) for k, (_, weight) in enumerate(inputs)]
    return Case(
        f"{model}/{name}", about, rules, until,
        {"input": [[t] for t, _ in inputs]} if inputs else {},
        [Population("neuron", model, 1, parameters, window)],
        [Projection("input", "neuron", delay, synapses)] if inputs else [],
    )  # fmt: skip


def net(
    name: str, about: str, until: float, sources: dict[str, list[list[float]]], populations: list[Population],
    projections: list[Projection], rules: tuple[str, ...] = (),
) -> Case:  # fmt: skip
    """A network."""
    return Case(name, about, rules, until, sources, populations, projections)


def all_to_all(pre: int, post: int, weight: float) -> list[tuple[int, int, float]]:
    """Synapses of one weight from each to each."""
    return [(i, j, weight) for i in range(pre) for j in range(post)]


def tangent(model: str, inputs: list[tuple[float, float]], off: float, **parameters: float) -> float:
    """The highest potential that one input at a time reaches, moved by the factor 1 + off and rounded once."""
    ((_, weight),) = inputs
    tau_mem, a = parameters.get("tau_mem", parameters["tau_syn"]), weight if model == "lif_alpha" else 0.0
    state = crossings.Case("", tau_mem, parameters["tau_syn"], 1.0, 1e9, 0.0, 0.0, 0.0 if a else weight, a)
    top = crossings.solve(model, state).margin + 10**9
    return float(top * (1 + off))


# Trains for small recurrent networks: they look random and are multiples of 1/8; some of their times are equal.
BURSTS = [
    [1.0, 2.5, 2.875, 7.25, 9.0, 12.125, 18.5, 25.0, 31.75],
    [1.0, 3.25, 6.5, 9.0, 13.625, 19.0, 24.25, 25.0, 33.0],
    [2.5, 4.0, 6.5, 10.375, 14.0, 18.5, 22.0, 28.875, 33.0],
]
RING = [(0, 1, 0.75), (1, 2, 0.75), (2, 3, 0.75), (3, 0, 0.75), (4, 0, -0.5), (4, 2, -0.5), (1, 4, 0.75), (3, 4, 0.5)]
FEED = [(0, 0, 0.75), (0, 1, 0.375), (1, 1, 0.75), (1, 2, 0.5), (2, 3, 0.75), (2, 0, 0.5), (0, 4, 0.375)]


def recurrent(model: str, weight: float, delay: float, **parameters: Any) -> Case:
    """Five neurons in a ring with an inhibitory one, driven by three trains."""
    return net(
        f"{model}/recurrent",
        f"Four neurons in a ring, one that inhibits two of them; delay {delay}; three inputs with equal times.",
        40.0,
        {"input": BURSTS},
        [Population("cells", model, 5, parameters)],
        [
            Projection("input", "cells", delay, [(i, j, weight * w) for i, j, w in FEED]),
            Projection("cells", "cells", delay, [(i, j, weight * w) for i, j, w in RING]),
        ],
        ("sum-then-test",),
    )


def lacking(first: float, interval: float, tau: float, more: float) -> float:
    """The weight that brings what is left of an earlier one to the threshold 1, and `more`; rounded once."""
    left = first * mpmath.exp(-mpf(interval) / tau)
    return float(1 - left + mpf(more))


def visited(model: str, weight: float, after: float, tau_mem: float, tau_syn: float) -> float:
    """V that one input has brought about some time after it, rounded once: a threshold that it crosses there."""
    i, a = (0.0, weight) if model == "lif_alpha" else (weight, 0.0)
    state = crossings.Case("", tau_mem, tau_syn, 1.0, 0.0, 0.0, 0.0, i, a)
    return float(crossings._Potential(model, state)(mpf(after)))
