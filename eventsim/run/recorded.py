"""What a simulation leaves behind: spikes, first spikes, read-out, counters, traces, provenance.

Relies on the network (names, sizes, models). Used by everything that looks at runs. A run is read-only.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.checks import flag, integer, shown
from eventsim.engines.records import RunRecords
from eventsim.errors import InputError, listed, nearest
from eventsim.network.network import Network
from eventsim.network.network_difference import difference

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class RecordedRun:
    """What was recorded of a simulation, and how to ask for it. `Run` says what its fields are."""

    populations: list[str]
    shapes: list[tuple[int, ...]]
    n_samples: int
    counters: dict[str, Any]
    provenance: dict[str, Any]
    windows: dict[str, tuple[float, ...] | None] = field(default_factory=dict)
    complete: bool = True
    records: RunRecords = field(default_factory=RunRecords, repr=False)
    _recorder: Any = field(default=None, repr=False)  # keeps the temporary files of what is mapped
    _network: Network | None = field(default=None, repr=False)
    _earlier: list[Network | None] = field(default_factory=list, repr=False)  # those of `earlier_networks`

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: mapped recordings as arrays in memory, and nothing of the temporary files."""
        arrays = vars(self.records).items()
        inside: dict[str, Any] = {
            name: np.array(array) if isinstance(array, np.memmap) else array for name, array in arrays
        }
        return vars(self) | {"_recorder": None, "records": RunRecords(**inside)}

    @property
    def sizes(self) -> list[int]:
        """Neurons of each source and population."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def sources(self) -> list[str]:
        """Names of the sources among `populations`; none is known of a file that was saved before it was said."""
        return [*self.provenance.get("sources", [])]

    @property
    def spikes(self) -> Array:
        """All spikes: records (sample i4, population u2, neuron i4, time f8), by sample, each in event order.

        Those of `recorded_populations`, where ``record=`` named some.
        Times of Fractions are rounded to float64 here; `spike_times` has them exactly. A read-only memory map where
        the recording passed its memory bound.
        """
        return self._need(self.records.spikes, "spikes", 'record="spikes"')

    @property
    def recorded_populations(self) -> list[str]:
        """Sources and populations all of whose spikes were recorded: those that ``record=`` named, all, or none."""
        level = self.provenance.get("record")
        if isinstance(level, list):
            return [*level]
        return [] if self.records.spikes is None else [*self.populations]

    @property
    def readout(self) -> Array:
        """Potentials of the read-out populations at their read-out time, (n_samples, n_out); NaN where not reached."""
        return self._need(self.records.readout, "readout", "a read-out population (model integrator)")

    @property
    def predictions(self) -> Array:
        """What the read-out says, int.

        Index of the largest potential, (n_samples,). Where the network's provenance has ``decision = "sign"``, as that
        of a classifier with logistic outputs has, 1 where a potential is > 0 and else 0: (n_samples,) of one output,
        (n_samples, n_out) of several.

        Raises
        ------
        InputError
            A read-out that was not reached (NaN), or a single output that nothing says how to decide on.
        """
        values = self.readout
        missing = np.flatnonzero((values != values).any(axis=1))
        if missing.size:
            raise InputError(
                f"run.predictions: sample {missing[0]} has no read-out (and {missing.size} of {self.n_samples} samples "
                "have none); must be simulated to the end of the last window. Raise until, max_events or max_time; "
                "run.readout has what there is."
            )
        if self.provenance.get("decision") == "sign":
            above: Array = (values > 0).astype(np.int64)
            return above[:, 0] if above.shape[1] == 1 else above
        if values.shape[1] == 1:
            raise InputError(
                "run.predictions: the read-out has one output, of which the largest says nothing. Decide yourself: "
                "run.readout[:, 0] > 0 for a binary classifier; the output of a regression is its own answer."
            )
        if values.dtype == object:
            return np.array([max(range(len(row)), key=row.__getitem__) for row in values])
        return np.argmax(values, axis=1)

    @property
    def stop_times(self) -> Array:
        """Time at which each sample was ended by ``stop=``, (n_samples,); inf where it went to its end."""
        return self._need(self.records.stopped, "stop times", "stop={population: spikes}")

    @property
    def reached(self) -> Array:
        """Time up to which each sample was simulated, (n_samples,).

        `until`, or where a stop condition, a budget or an error ended the sample before; inf where `until` is None and
        nothing was left to happen; NaN where the run ended before the sample began.
        """
        if self.records.reached is not None:
            return self.records.reached.copy()
        if not self.complete:
            raise InputError(
                "run.reached: this run ended early and was saved by an eventsim that did not say where; must be known. "
                "Simulate it again."
            )
        until = self.provenance.get("until")
        end = np.full(self.n_samples, math.inf if until is None else float(until))
        return end if self.records.stopped is None else np.minimum(end, self.records.stopped)

    def spike_times(self, population: str, shaped: bool = False) -> Array:
        """First spike times of a population, (n_samples, n_neurons); inf = silent.

        Float64, or an object array of Fractions where the network is exact. With `shaped` an array (n_samples, *shape),
        such as (n_samples, channels, height, width).
        """
        shaped = flag("spike_times", "shaped", shaped)
        first = self._need(self.records.first, "first spikes", 'record="first_spikes" or "spikes"')
        times: Array = first[:, self._columns(population)]
        return times.reshape(self.n_samples, *self.shapes[self._index(population)[0]]) if shaped else times

    def trains(self, population: str, sample: int = 0) -> list[Array]:
        """All spike times of each neuron of a source or population in one sample, an increasing array (n_spikes,) each.

        Float64, or object arrays of Fractions where the network is exact. Cost: O(n log n) in the spikes of the sample.

        Raises
        ------
        InputError
            All spikes were not recorded, or not those of this population; an unknown population or sample.
        """
        index, _ = self._index(population)
        sample = self._sample("trains", sample)
        self._need_all_spikes("trains", population)
        low, high = np.searchsorted(self.spikes["sample"], [sample, sample + 1])
        mine = np.flatnonzero(self.spikes["population"][low:high] == index)
        neurons = self.spikes["neuron"][low:high][mine]
        order = np.argsort(neurons, kind="stable")
        exact = self.records.exact_times
        times = self.spikes["time"][low:high][mine] if exact is None else _objects(exact[low:high])[mine]
        borders = np.searchsorted(neurons[order], np.arange(1, self.sizes[index]))
        return np.split(times[order], borders)

    def spike_errors(self, population: str, propagated: bool = False) -> Array:
        """Bounds on the rounding error of the first spike times, (n_samples, n_neurons).

        Against exact arithmetic on what each neuron actually received or, `propagated`, on the whole network's inputs.
        The latter are infinite for relays and what follows them, which do not know what is yet to come; those of
        `eventsim.models.verify` are finite.
        """
        errors = self._need(self.records.errors, "error bounds", "error_bounds=True")
        propagated = flag("spike_errors", "propagated", propagated)
        return errors[:, self._columns(population), 1 if propagated else 0]

    def _spike_train(self, population: str, neuron: int, sample: int) -> set[float]:
        if self.records.spikes is None:
            return set()
        index = self._index(population)[0]
        s = self.records.spikes
        return set(s["time"][(s["sample"] == sample) & (s["population"] == index) & (s["neuron"] == neuron)].tolist())

    def n_spikes(self, population: str | None = None) -> int:
        """Number of spikes of one population, or of all populations without the sources."""
        by = self.counters["by_population"]
        if population is not None:
            self._index(population)
            return int(by[population]["spikes"])
        return int(self.counters["spikes"])

    def network_difference(self, net: Network) -> str:
        """In which parts `net` is another network than the one that was simulated, in words.

        A run from a file that kept no state knows the hash of its network alone.
        """
        digests = {} if self.records.state is None else self.records.state.parts
        return difference(self._network, digests, str(self.provenance.get("network_hash")), net)

    def check_one_network(self, where: str) -> None:
        """Refuse, in the name of `where`, a run whose network was changed on its way (``changes="net"``)."""
        earlier = self.provenance.get("earlier_networks")
        if earlier:
            raise InputError(
                f"{where}: the network of this run was another until t = {earlier[-1]['until'][0]} in sample 0 "
                "(changes='net'); must be a run of one network. Give one that was simulated without changes."
            )

    def _neuron(self, where: str, population: str, neuron: int) -> int:
        """The index of a neuron, which the population must have."""
        size = self.sizes[self._index(population)[0]]
        remedy = f"{population!r} has {size} neurons."
        return integer(where, "neuron", neuron, low=0, high=size - 1, remedy=remedy)

    def _sample(self, where: str, sample: int) -> int:
        """The index of a sample, which the run must have."""
        remedy = f"The run has {self.n_samples} samples."
        return integer(where, "sample", sample, low=0, high=self.n_samples - 1, remedy=remedy)

    def _need_all_spikes(self, what: str, population: str) -> None:
        """Refuse a run without spikes, and a source or population that ``record=`` left out."""
        self._index(population)
        if population not in self.recorded_populations and self.spikes is not None:
            raise InputError(
                f"run.{what}: all spikes of {listed(self.recorded_populations)} were recorded, of {population!r} only "
                f'the first; must be all. Simulate with record=[{population!r}] or record="spikes".'
            )

    def _index(self, population: str) -> tuple[int, int]:
        if not isinstance(population, str) or population not in self.populations:
            raise InputError(
                f"run: unknown population {shown(population)}{nearest(population, self.populations)}; this run has "
                f"{listed(self.populations)}. Name one of them."
            )
        index = self.populations.index(population)
        return index, sum(self.sizes[:index])

    def _columns(self, population: str) -> slice:
        index, first = self._index(population)
        return slice(first, first + self.sizes[index])

    @staticmethod
    def _need(value: Any, what: str, ask: str) -> Any:
        if value is None:
            raise InputError(f"run: {what} not recorded; simulate with {ask}.")
        return value

    def __repr__(self) -> str:
        c = self.counters
        return (
            f"Run: {self.n_samples} samples, {c['spikes']:,} spikes, {c['visited']:,} synaptic events visited, "
            f"{c['premature']} premature, {c['late']} late{'' if self.complete else ', INCOMPLETE'}"
        )


def _objects(values: list[Any]) -> Array:
    """Fractions as an array of objects, which numpy would not make of an empty list."""
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects
