"""Regimes: how a neuron lives in time. Used by `neuron_model`; a model has one of the four.

Relies on nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Free:
    """In continuous time, from 0 on.

    Attributes
    ----------
    once
        Whether the neuron fires once.
    jumps
        Whether an input moves V itself, so that V is tested when inputs have arrived.
    keeps_refractoriness
        Whether the state counts the refractory period t_ref down, since currents go on meanwhile: `reset` begins it,
        `advance` and `time_to_spike` keep to it. Where another model has one, the engines hold the whole state
        for t_ref after a spike, or for ever where ``spikes`` is "once", and discard what arrives.
    """

    once: bool = False
    jumps: bool = False
    keeps_refractoriness: bool = False


@dataclass(frozen=True)
class Windowed:
    """In ``window=(t_start, t_min, t_max)``: V is held before t_start, a crossing at or after t_max is silence.

    Attributes
    ----------
    deaf
        Whether inputs at or after t_min change nothing (they are counted as late).
    spiking
        Whether it fires, once; False for read-out integrators, whose V is read at t_min.
    """

    deaf: bool = False
    spiking: bool = True


@dataclass(frozen=True)
class Clocked:
    """At integer multiples of a period: the neuron buffers its inputs until its next tick."""


@dataclass(frozen=True)
class Relay:
    """It passes on, once, what others sent: it shares their window, which changes nothing for it.

    An input moves its state itself; no emission fault acts on it.
    """


Regime = Free | Windowed | Clocked | Relay
