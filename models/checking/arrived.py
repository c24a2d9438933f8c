"""What a transport did to the inputs of each neuron: late, lost, or in another order than they were sent.

A certificate is about a membrane that follows its inputs. Where all of them came before t_min it says as much on a chip
as without one, of the times at which they came; where one came later, or never, it says nothing of the value.

Arrays are (n_samples, n_neurons) or, of inputs, (n_samples, n_inputs); times of inf are none. Relies on `fields` and
the replayed stages. Used by `certify` and its report.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from eventsim.models.checking.fields import Field, fields_of, on_cores, pooled, projections_to
from eventsim.models.checking.reception import arriving
from eventsim.models.checking.replayed_stages import Departures
from eventsim.network.network import Network, Population

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Arrived:
    """The inputs of one population in a run with a transport; arrays are (n_samples, size).

    Attributes
    ----------
    late
        Whether one of its inputs came at or after t_min; never of a pool, which has none.
    lost
        Whether one of its inputs never came.
    inverted
        Whether two of its inputs came in another order than they were sent in. That changes no value as long as neither
        is late, but the way of the potential: a neuron may be premature by it.
    """

    late: Array
    lost: Array
    inverted: Array

    def __post_init__(self) -> None:
        for array in vars(self).values():
            array.flags.writeable = False

    def __repr__(self) -> str:
        found = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        return f"Arrived: {self.late.size:,} neurons times samples, {found or 'all inputs in time and in order'}"

    @property
    def counts(self) -> dict[str, int]:
        """How many neurons times samples are each of the three."""
        return {one.name: int(np.count_nonzero(getattr(self, one.name))) for one in fields(self)}

    @property
    def incomplete(self) -> Array:
        """Which neurons, (n_samples, size), did not have all of their inputs before t_min."""
        found: Array = self.late | self.lost
        return found


class Inputs:
    """When inputs reached the neurons of a population, core by core.

    Parameters
    ----------
    left
        When spikes left for their synapses on each core.
    errors : dict of arrays (n_samples, size)
        How far their times may be off, by source and population.
    """

    def __init__(self, net: Network, population: Population, left: Departures, errors: Mapping[str, Array]) -> None:
        self.net, self.population = net, population
        self.there = left.cores_of(population)
        projections = projections_to(net, population)
        rows = len(next(iter(errors.values())))

        def columns(parts: list[Array]) -> Array:
            return np.concatenate(parts, axis=1) if parts else np.zeros((rows, 0))

        self.arrivals = {
            core: columns([arriving(p, left.to(p.pre.name, core)) for p in projections])
            for core in np.unique(self.there).tolist()
        }
        self.sent = columns([arriving(p, left.times[p.pre.name]) for p in projections])
        self.inexact = columns([errors[p.pre.name] for p in projections])

    @property
    def shape(self) -> tuple[int, int]:
        """(n_samples, size)."""
        return len(self.sent), self.population.size

    @property
    def earliest(self) -> float:
        """The first arrival of all; inf without one."""
        return float(min((times.min(initial=np.inf) for times in self.arrivals.values()), default=np.inf))

    def fields(self) -> Iterator[tuple[Field, Array]]:
        """Neurons that see the same inputs at the same times, with the arrivals of these, (n_samples, n_inputs)."""
        for field, arrivals in on_cores(fields_of(self.net, self.population), self.there, self.arrivals):
            yield field, arrivals[:, field.inputs]

    def arrived(self, t_min: Any) -> Arrived:
        """Return what became of them on their way; `t_min` is None for a pool."""
        marks = [np.zeros(self.shape, dtype=bool) for _ in fields(Arrived)]
        for neurons, inputs, times in self._heard():
            sent = self.sent[:, inputs]
            there = np.isfinite(times)
            if t_min is not None:
                marks[0][:, neurons] = _any(there & (times >= float(t_min)))
            marks[1][:, neurons] = _any(~there & np.isfinite(sent))
            marks[2][:, neurons] = _inverted(sent, times)[:, None]
        return Arrived(*marks)

    def _heard(self) -> Iterator[tuple[Array, Array, Array]]:
        """Neurons, the inputs that all of these hear, by weight or as a pool, and when those arrived."""
        if self.population.model.relay:
            for neuron, row in enumerate(pooled(self.net, self.population)):
                heard = row[row >= 0]
                yield np.array([neuron]), heard, self.arrivals[int(self.there[neuron])][:, heard]
            return
        for field, arrivals in self.fields():
            patterns, which = np.unique(field.weights != 0, axis=0, return_inverse=True)
            for k, heard in enumerate(patterns):
                yield field.neurons[which.ravel() == k], field.inputs[heard], arrivals[:, heard]


def _any(inputs: Array) -> Array:
    """Whether there is one, (n_samples, 1), of inputs (n_samples, n_inputs)."""
    found: Array = np.logical_or.reduce(inputs, axis=1)
    return found[:, None]


def _inverted(sent: Array, times: Array) -> Array:
    """In which samples, (n_samples,), did an input overtake one that was sent before it? Equal times have no order."""
    found = np.zeros(len(sent), dtype=bool)
    for sample, (before, after) in enumerate(zip(sent, times, strict=True)):
        came = np.isfinite(after)
        order = np.lexsort((after[came], before[came]))
        found[sample] = bool((np.diff(after[came][order]) < 0).any())
    return found
