"""The layers of a run as figures need them: names, sizes, windows, colours, and their spikes.

Relies on the run alone. Used by every figure of a run.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import integer, names
from eventsim.errors import InputError, nearest
from eventsim.run.run import Run
from eventsim.viz.palette import layer_colour

Array = np.ndarray[Any, Any]


class Spikes(NamedTuple):
    """Spikes in parallel arrays; a population is its place in `run.populations`."""

    population: Array
    neuron: Array
    time: Array


@dataclass(frozen=True)
class Layer:
    """One source or population of a run.

    Attributes
    ----------
    order
        Its place in `run.populations`.
    window
        The window as in `run.windows`, in floats.
    is_source
        Does it send what it was given, or draws? It decides no scale that populations are drawn in.
    """

    name: str
    order: int
    size: int
    window: tuple[float, ...] | None
    is_source: bool = False

    @property
    def colour(self) -> str:
        """The layer's colour in every figure."""
        return layer_colour(self.order)

    @property
    def is_readout(self) -> bool:
        """Does it never fire? Its window has no end."""
        return self.window is not None and len(self.window) == 3 and self.window[2] == math.inf

    def fire_window(self, times: Array) -> tuple[float, float] | None:
        """Return (t_min, t_max), given the layer's spike times; None for read-outs and layers without a window.

        A source's window says how values are coded: spikes drawn at random or given by hand need not keep to it, and
        where one does not, the window says nothing.
        """
        if self.window is None or self.is_readout:
            return None
        t_min, t_max = self.window[-2:]
        if len(self.window) == 2 and times.size and not (t_min <= times.min() and times.max() <= t_max):
            return None
        return t_min, t_max


def chosen_names(where: str, known: Sequence[str], populations: Iterable[str] | None) -> list[str]:
    """Return the populations that the user named, one or several, or all that are known.

    Raises
    ------
    InputError
        A name that is not known, or no name at all.
    """
    if populations is None:
        return [*known]
    chosen = names(where, "populations", populations)
    for name in chosen:
        if name not in known:
            raise InputError(
                f"{where}: unknown population {name!r}{nearest(name, known)}; there are {', '.join(known)}. "
                "Choose among them."
            )
    if not chosen:
        raise InputError(f"{where}: populations = []; must name one or more of {', '.join(known)}. None takes all.")
    return chosen


def layers(where: str, run: Run, populations: Iterable[str] | None = None, recorded: bool = False) -> list[Layer]:
    """Return the chosen layers, or all, in the order asked for; `where` names the figure in an error.

    `recorded`: where all spikes of some populations alone were recorded, only these; a read-out has none to record.
    """
    if not isinstance(run, Run):
        raise InputError(
            f"{where}: run is a {type(run).__name__}; must be a Run. Give what eventsim.simulate returned."
        )
    found, known = [], run.populations
    if recorded and run.recorded_populations:
        known = [name for name in known if name in run.recorded_populations]
    for name in names(where, "populations", populations) if populations is not None else ():
        if name in run.populations and name not in known:
            raise InputError(
                f"{where}: all spikes of {', '.join(known)} were recorded, of {name!r} only the first; must be all. "
                f'Simulate with record=[{name!r}] or record="spikes".'
            )
    for name in chosen_names(where, known, populations):
        order = run.populations.index(name)
        window = run.windows.get(name)
        floats = None if window is None else tuple(float(t) for t in window)
        is_source = name in run.sources or (floats is not None and len(floats) == 2)
        found.append(Layer(name, order, run.sizes[order], floats, is_source))
    return found


def check_sample(where: str, run: Run, sample: int) -> None:
    """Refuse a sample that the run does not have."""
    remedy = "These are the samples of this run; choose another."
    integer(where, "sample", sample, low=0, high=run.n_samples - 1, remedy=remedy)


def ended(run: Run, sample: int) -> str:
    """For titles: where a sample ended that was not simulated to its planned end, or that it never began; else ""."""
    done = float(run.reached[sample])
    until = run.provenance.get("until")
    if math.isnan(done):
        return ", never simulated"
    return f", ended at {done:g}" if done < (math.inf if until is None else float(until)) else ""


def spikes_of(run: Run, sample: int | None = None) -> Spikes:
    """Return the spikes of one sample, or of all: every spike where they were recorded, else each neuron's first.

    Finding a sample costs O(log n) in the number of spikes.
    """
    try:
        spikes = run.spikes
    except InputError:
        return _first_spikes(run, sample)
    if sample is not None:
        samples = spikes["sample"]
        spikes = spikes[bisect_left(samples, sample) : bisect_left(samples, sample + 1)]
    return Spikes(spikes["population"], spikes["neuron"], spikes["time"])


def _first_spikes(run: Run, sample: int | None) -> Spikes:
    chosen = slice(None) if sample is None else slice(sample, sample + 1)
    orders, neurons, times = [], [], []
    for order, name in enumerate(run.populations):
        first = run.spike_times(name)[chosen].astype(np.float64)
        _, neuron = np.nonzero(first < math.inf)
        orders.append(np.full(neuron.size, order))
        neurons.append(neuron)
        times.append(first[first < math.inf])
    return Spikes(np.concatenate(orders), np.concatenate(neurons), np.concatenate(times))
