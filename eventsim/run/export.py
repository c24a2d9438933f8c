"""Runs for other programs: rasters, pandas, CSV, Parquet, Neo and NIR data.

Relies on what was recorded. `Run` inherits these methods. The packages are optional and
imported when they are used. Times are those of the run, in its unit, to the last bit, unless a function says otherwise.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import flag, indices, integer, number, shown
from eventsim.checks import names as checked_names
from eventsim.errors import InputError
from eventsim.extras import package
from eventsim.files.output import replaced
from eventsim.network.rasters import step_times
from eventsim.run.recorded import RecordedRun
from eventsim.run.spans import began, checked_end, recording_end
from eventsim.run.states import RunWithStates

Array = np.ndarray[Any, Any]
LARGEST_STEPS = 2**31 - 1  # of a raster
# Seconds per unit of time that have a name; times of others are converted to seconds.
UNITS = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns"}


class ExportedRun(RunWithStates):
    """A run that can be handed over to other programs."""

    def to_pandas(self) -> Any:
        """All spikes as a `pandas.DataFrame`, in the order of `run.spikes`.

        Columns sample (int32), population (a category for each source and population), neuron (int32), time (float64).
        ``attrs["eventsim"]`` holds the provenance and, under "reached", `Run.reached`: a sample without rows may be
        silent, have ended early, or never have begun (None).
        """
        pandas = package("pandas", "run.to_pandas")
        spikes = self.spikes
        population = pandas.Categorical.from_codes(spikes["population"].astype(np.int64), categories=self.populations)
        columns = {
            "sample": spikes["sample"],
            "population": population,
            "neuron": spikes["neuron"],
            "time": spikes["time"],
        }
        frame = pandas.DataFrame({name: values.copy() for name, values in columns.items()})
        about = {key: self.provenance[key] for key in ("network_hash", "engine", "seed", "time_unit")}
        frame.attrs["eventsim"] = about | {"reached": [None if math.isnan(t) else t for t in self.reached.tolist()]}
        return frame

    def to_csv(self, path: str | Path) -> None:
        """Write all spikes as text, one a line; each time is the shortest decimal that reads back as its bits."""
        replaced("run", path, lambda place: self.to_pandas().to_csv(place, index=False))

    def to_parquet(self, path: str | Path) -> None:
        """Write `to_pandas` as an Apache Parquet file."""
        package("pyarrow", "run.to_parquet")
        replaced("run", path, lambda place: self.to_pandas().to_parquet(place, engine="pyarrow", index=False))

    def to_raster(
        self, population: str, dt: Any, start: Any = 0.0, n_steps: int | None = None,
        samples: Iterable[int] | slice | None = None, counts: bool = False,
    ) -> Array:  # fmt: skip
        """The spikes of a source or population by steps: (n_samples, n_steps, *shape), True where a neuron spiked.

        Step k holds the spikes in [start + k dt, start + (k + 1) dt), so that ``SpikeTimes.from_raster(raster, dt)``
        and this are inverse to each other, whatever the `dt`: borders are the times which that gives its spikes.

        Parameters
        ----------
        population
            Its name.
        dt
            Length of a step, in the unit of the run.
        start
            Time at which step 0 begins.
        n_steps
            Number of steps; None takes as many as begin before the end of the recording, where it is latest
            (`Run.reached`, and as for `to_nirdata` where nothing ended the run).
        samples
            Which samples; None takes all.
        counts
            Whether spikes of a neuron are counted (int64); otherwise several of them in one step are refused.

        Raises
        ------
        InputError
            Spikes before `start` or behind the last step, for nothing is cut off; several of a neuron in one step;
            samples that were never simulated.
        """
        where = "run.to_raster"
        index, _ = self._index(population)
        self._need_all_spikes("to_raster", population)
        counts = flag(where, "counts", counts)
        rows = _chosen_samples(self, samples, where)
        spikes = self.spikes[(self.spikes["population"] == index) & np.isin(self.spikes["sample"], rows)]
        given = None if n_steps is None else integer(where, "n_steps", n_steps, low=1, remedy="None takes all.")
        steps, n = _steps_of(self, rows, spikes["time"], dt, start, given)
        raster: Array = np.zeros((len(rows), n, self.sizes[index]), dtype=np.int64 if counts else np.bool_)
        place = np.searchsorted(rows, spikes["sample"]), steps, spikes["neuron"]
        if counts:
            np.add.at(raster, place, 1)
        else:
            raster[place] = True
            lost = len(spikes) - np.count_nonzero(raster)
            if lost:
                raise InputError(
                    f"{where}: dt = {shown(dt)}: {lost} spikes come in a step in which their neuron has spiked before; "
                    "must be one a step. Give a shorter dt, or counts=True to count them."
                )
        return raster.reshape(len(rows), n, *self.shapes[index])

    def to_neo(
        self, populations: Iterable[str] | None = None, time_unit: float | None = None, t_stop: float | None = None
    ) -> Any:
        """A `neo.Block`: a segment for each sample, with a spike train for each neuron, also silent ones.

        Trains are annotated with population, neuron and sample, and membranes that were recorded come as irregularly
        sampled signals. Elephant, NWB and NIX read this. The segment of a sample that never began, since the run ended
        before, has no trains and is annotated with ``simulated=False``.

        Parameters
        ----------
        populations
            Names of those that are handed over; None takes all that were recorded, sources included.
        time_unit
            Seconds per unit of time, where the network has none. Times are kept as they are where it is 1, 1e-3, 1e-6
            or 1e-9 (s, ms, us, ns), else multiplied by it.
        t_stop
            Where all trains end, behind the last spike, in the unit of the run. None takes for each sample the time at
            which its simulation ended (`Run.reached`), as `to_nirdata` has it.

        Raises
        ------
        InputError
            No time unit, here or in the network, or two that differ; unknown populations; a `t_stop` with a spike at it
            or behind it.
        """
        neo, quantities = package("neo", "run.to_neo"), package("quantities", "run.to_neo")
        unit = _unit(self, time_unit)
        recorded = self.recorded_populations
        chosen = recorded if populations is None else checked_names("run.to_neo", "populations", populations)
        for population in chosen:
            self._need_all_spikes("to_neo", population)
        name, scale = (UNITS[unit], 1.0) if unit in UNITS else ("s", unit)
        done = began(self).tolist()
        stops = [_stop(self, sample, t_stop) if done[sample] else math.nan for sample in range(self.n_samples)]
        block = neo.Block(name="eventsim", network_hash=self.provenance["network_hash"], complete=self.complete)
        for sample in range(self.n_samples):
            about = {"sample_id": int(self.provenance["sample_ids"][sample]), "simulated": done[sample]}
            segment = neo.Segment(name=f"sample {sample}", **about)
            end = stops[sample] * scale * getattr(quantities, name)
            for population in chosen if done[sample] else ():
                for neuron, times in enumerate(self.trains(population, sample)):
                    note = {"population": population, "neuron": neuron, "sample": sample}
                    segment.spiketrains.append(neo.SpikeTrain(times * scale, units=name, t_stop=end, **note))
                for neuron in self.recorded(population) if self.records.traces is not None else ():
                    times, values = self.membrane(population, neuron, sample)
                    note = {"population": population, "neuron": neuron, "sample": sample, "name": "membrane potential"}
                    segment.irregularlysampledsignals.append(
                        neo.IrregularlySampledSignal(
                            times * scale, values, time_units=name, units="dimensionless", **note
                        )
                    )
            block.segments.append(segment)
        return block

    def to_nirdata(
        self,
        population: str,
        t_max: float | None = None,
        samples: Iterable[int] | slice | None = None,
        dt: float | None = None,
    ) -> Any:
        """The spikes of a source or population as `nir.data_ir.EventData`, in event order.

        Parameters
        ----------
        population
            Its name.
        t_max
            End of the recording, behind the last spike. None takes the time that was reached (`Run.reached`), the next
            number of float64 where there is a spike at that time; where nothing ended the run, the end of the last
            window or, without one, the next number of two decimal digits behind the last spike. One that is given may
            be later: silence up to it is then what you say.
        samples
            Which samples, one row each; None takes all. The format has one end for all of them, so that samples of
            different ends are handed over one by one.
        dt
            The step of ``to_time_gridded(dt)`` of nir, if that is what the data are for. The end is then moved on to a
            whole number of steps: nir has no step for what is left beyond one, and raises IndexError for a spike there.

        Raises
        ------
        InputError
            Samples that ended at different times, without a `t_max`, or never began; a `t_max` with a spike at it or
            behind it, for nothing is cut off. A nir before 1.0.8.
        """
        nir = package("nir", "run.to_nirdata")
        data = getattr(nir, "data_ir", None)
        if data is None:
            raise InputError(
                f"run.to_nirdata needs data_ir of nir, which nir {nir.version} does not have; must be nir 1.0.8 or "
                "newer. Install it with pip install 'nir>=1.0.8'; sinabs 3.1.3 and Rockpool 3.1.0 want an older one, "
                "in an environment of their own."
            )
        index, _ = self._index(population)
        self._need_all_spikes("to_nirdata", population)
        rows = _chosen_samples(self, samples)
        spikes = self.spikes[self.spikes["population"] == index]
        spikes = spikes[np.isin(spikes["sample"], rows)]
        end = _common_end(self, rows, t_max)
        if dt is not None:
            remedy = "Give the step of to_time_gridded."
            step = float(number("run.to_nirdata", "dt", dt, low=0, open_low=True, remedy=remedy))
            if end / step > 2**53:  # or the number of steps is no whole number of float64, if any
                raise InputError(
                    f"run.to_nirdata: dt = {step!r} is {end / step:.3g} steps until t_max = {end!r}; must be 2**53 at "
                    f"most. {remedy}"
                )
            end = _whole_steps(end, float(spikes["time"].max(initial=0.0)), step)
        place = np.searchsorted(rows, spikes["sample"])
        counts = np.bincount(place, minlength=len(rows))
        shape = (len(rows), int(counts.max(initial=0)))
        neurons, times = np.full(shape, -1, dtype=np.int64), np.full(shape, math.inf)
        columns = np.arange(len(spikes)) - np.repeat(np.cumsum(counts) - counts, counts)
        neurons[place, columns], times[place, columns] = spikes["neuron"], spikes["time"]
        return data.EventData(neurons, times, self.sizes[index], end)


def _steps_of(run: RecordedRun, rows: Array, times: Array, dt: Any, start: Any, given: int | None) -> tuple[Array, int]:
    """The step in which each spike comes, and how many steps there are."""
    where, remedy = "run.to_raster", "Give the length of a step."
    end, n = max(recording_end(run, row) for row in rows.tolist()), given
    length = float(number(where, "dt", dt, low=0, open_low=True, remedy=remedy))
    begin = float(number(where, "start", start, low=0, remedy="Give the time at which step 0 begins."))
    if n is None:
        if (end - begin) / length > LARGEST_STEPS:
            raise InputError(
                f"{where}: dt = {length:g} is {(end - begin) / length:.3g} steps until {end:g}; must be "
                f"{LARGEST_STEPS:,} at most. {remedy}"
            )
        n = max(0, math.ceil((end - begin) / length)) + 1
    borders = step_times(where, dt, start, n + 1).astype(np.float64)
    if given is None:
        n = max(1, int(np.searchsorted(borders, end)))
    steps = np.searchsorted(borders, times, side="right") - 1
    outside = np.flatnonzero((steps < 0) | (steps >= n))
    if outside.size:
        raise InputError(
            f"{where}: a spike at {times[outside[0]]} lies outside the {n} steps from {begin:g} on; must lie in one. "
            "Nothing is cut off: give an earlier start, or more steps."
        )
    return steps, n


def _whole_steps(end: float, last: float, step: float) -> float:
    """The first end from `end` on with ``int(end / step)`` steps, as nir computes them, one of them for `last`."""
    n = max(math.ceil(end / step), math.floor(last / step) + 1)
    moved = n * step
    while int(moved / step) < n:
        moved = math.nextafter(moved, math.inf)
    return moved


def _chosen_samples(run: RecordedRun, samples: Any, where: str = "run.to_nirdata") -> Array:
    """Increasing numbers of samples that were simulated."""
    remedy = f"The run has samples 0 to {run.n_samples - 1}."
    rows = np.unique(indices(where, "samples", "all" if samples is None else samples, run.n_samples, remedy))
    missing = rows[~began(run)[rows]]
    if missing.size:
        raise InputError(
            f"{where}: sample {missing[0]} was never simulated ({missing.size} of {rows.size} were not), since "
            "the run ended before; must have been, or it would look silent. Give samples= those that were."
        )
    return rows


def _common_end(run: RecordedRun, rows: Array, t_max: Any) -> float:
    """Where all of these samples end."""
    if t_max is None:
        ends = [recording_end(run, row) for row in rows.tolist()]
        done = run.reached[rows]
        if np.isinf(done).all():
            return max(ends)
        if len({*ends}) > 1:
            raise InputError(
                f"run.to_nirdata: samples {rows[0]} and others ended at different times, from {min(ends):g} to "
                f"{max(ends):g}; must have one end, which is all that the format holds. Give samples= one of them, or "
                "t_max= an end up to which all were silent."
            )
        return ends[0]
    remedy = "Give the end of the recording."
    end = float(number("run.to_nirdata", "t_max", t_max, low=0, open_low=True, remedy=remedy))
    for row in rows.tolist():
        checked_end("run.to_nirdata: t_max", run, row, end)
    return end


def _unit(run: RecordedRun, time_unit: Any) -> float:
    """Seconds per unit of time: the network's or, where it has none, the one that was given."""
    own = run.provenance.get("time_unit")
    remedy = "Give time_unit= in seconds, or make the network with one."
    given = own if time_unit is None else time_unit
    unit = number("run.to_neo", "time_unit", given, low=0, open_low=True, remedy=remedy)
    if own is not None and float(unit) != float(own):
        raise InputError(
            f"run.to_neo: time_unit = {unit:g}, but a unit of time of this network is {own:g} seconds; must be equal, "
            "for times keep their meaning. Leave it out, and convert with neo's rescale."
        )
    return float(unit)


def _stop(run: RecordedRun, sample: int, t_stop: Any) -> float:
    """Where the trains of a sample end."""
    if t_stop is None:
        return recording_end(run, sample)
    end = number("run.to_neo", "t_stop", t_stop, low=0, open_low=True, remedy="Give the end of the recording.")
    return checked_end("run.to_neo: t_stop", run, sample, float(end))
