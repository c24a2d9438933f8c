"""Runs for other programs: pandas, CSV, Parquet, Neo and NIR data.

Relies on the run. Used by the methods of `Run` that are named after these functions. The packages are optional and
imported when they are used. Times are those of the run, in its unit, to the last bit, unless a function says otherwise.
"""

import importlib
import math
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import names as checked_names
from eventsim.checks import number
from eventsim.errors import InputError
from eventsim.run import Run

Array = np.ndarray[Any, Any]
# Package, and the extra of eventsim that installs it.
EXTRAS = {"pandas": "pandas", "pyarrow": "parquet", "neo": "neo", "quantities": "neo", "nir": "nir"}
# Seconds per unit of time that have a name; times of others are converted to seconds.
UNITS = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns"}


def package(name: str, what: str) -> Any:
    """An optional package, imported; InputError that names the extra to install where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"run.{what} needs {name}, which is not installed ({error}); must be there. Install it with "
            f"pip install 'eventsim[{EXTRAS[name]}]'."
        ) from error


def to_pandas(run: Run) -> Any:
    """All spikes as a `pandas.DataFrame`, in the order of `run.spikes`.

    Columns sample (int32), population (a category for each source and population), neuron (int32), time (float64).
    ``attrs["eventsim"]`` holds the provenance.
    """
    pandas = package("pandas", "to_pandas")
    spikes = run.spikes
    population = pandas.Categorical.from_codes(spikes["population"].astype(np.int64), categories=run.populations)
    columns = {"sample": spikes["sample"], "population": population, "neuron": spikes["neuron"], "time": spikes["time"]}
    frame = pandas.DataFrame({name: values.copy() for name, values in columns.items()})
    frame.attrs["eventsim"] = {key: run.provenance[key] for key in ("network_hash", "engine", "seed", "time_unit")}
    return frame


def to_csv(run: Run, path: str | Path) -> None:
    """Write `to_pandas` as text, one spike a line; each time is the shortest decimal that reads back as its bits."""
    replaced("run", path, lambda place: to_pandas(run).to_csv(place, index=False))


def to_parquet(run: Run, path: str | Path) -> None:
    """Write `to_pandas` as an Apache Parquet file."""
    package("pyarrow", "to_parquet")
    replaced("run", path, lambda place: to_pandas(run).to_parquet(place, engine="pyarrow", index=False))


def to_nirdata(run: Run, population: str, t_max: float | None = None) -> Any:
    """The spikes of a source or population as `nir.data_ir.EventData`, in event order.

    Parameters
    ----------
    t_max : end of the recording; None is `until` of the run or, without that, its last spike.

    Raises
    ------
    InputError
        Spikes after `t_max`, which is the end: nothing is cut off. A nir before 1.0.8.
    """
    nir = package("nir", "to_nirdata")
    data = getattr(nir, "data_ir", None)
    if data is None:
        raise InputError(
            f"run.to_nirdata needs data_ir of nir, which nir {nir.version} does not have; must be nir 1.0.8 or newer. "
            "Install it with pip install 'nir>=1.0.8'; sinabs 3.1.3 and Rockpool 3.1.0 want an older one, in an "
            "environment of their own."
        )
    index, _ = run._index(population)
    _need_recorded(run, "to_nirdata", population)
    spikes = run.spikes[run.spikes["population"] == index]
    end = _end(run, spikes, t_max)
    counts = np.bincount(spikes["sample"], minlength=run.n_samples)
    rows, places = spikes["sample"], np.arange(len(spikes)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (run.n_samples, int(counts.max(initial=0)))
    neurons, times = np.full(shape, -1, dtype=np.int64), np.full(shape, math.inf)
    neurons[rows, places], times[rows, places] = spikes["neuron"], spikes["time"]
    return data.EventData(neurons, times, run.sizes[index], end)


def to_neo(run: Run, populations: Iterable[str] | None = None, time_unit: float | None = None) -> Any:
    """A `neo.Block`: a segment for each sample, with a spike train for each neuron, also silent ones.

    Trains are annotated with population, neuron and sample, and membranes that were recorded come as irregularly
    sampled signals. Elephant, NWB and NIX read this.

    Parameters
    ----------
    populations : names; None takes all that were recorded, sources included.
    time_unit : seconds per unit of time; None takes that of the network. Times are kept as they are where it is 1,
        1e-3, 1e-6 or 1e-9 (s, ms, us, ns), else multiplied by it.

    Raises
    ------
    InputError
        No time unit, here or in the network, or unknown populations.
    """
    neo, quantities = package("neo", "to_neo"), package("quantities", "to_neo")
    unit = run.provenance.get("time_unit") if time_unit is None else time_unit
    remedy = "Give time_unit= in seconds, or make the network with one."
    unit = float(number("run.to_neo", "time_unit", unit, low=0, open_low=True, remedy=remedy))
    recorded = run.recorded_populations
    chosen = recorded if populations is None else checked_names("run.to_neo", "populations", populations)
    for population in chosen:
        _need_recorded(run, "to_neo", population)
    name, scale = (UNITS[unit], 1.0) if unit in UNITS else ("s", unit)
    end = _end(run, run.spikes, None) * scale * getattr(quantities, name)
    block = neo.Block(name="eventsim", network_hash=run.provenance["network_hash"])
    for sample in range(run.n_samples):
        segment = neo.Segment(name=f"sample {sample}", sample_id=int(run.provenance["sample_ids"][sample]))
        for population in chosen:
            for neuron, times in enumerate(_trains(run, population, sample)):
                note = {"population": population, "neuron": neuron, "sample": sample}
                segment.spiketrains.append(neo.SpikeTrain(times * scale, units=name, t_stop=end, **note))
            for neuron in run.recorded(population) if run._traces is not None else ():
                times, values = run.membrane(population, neuron, sample)
                note = {"population": population, "neuron": neuron, "sample": sample, "name": "membrane potential"}
                segment.irregularlysampledsignals.append(
                    neo.IrregularlySampledSignal(times * scale, values, time_units=name, units="dimensionless", **note)
                )
        block.segments.append(segment)
    return block


def _need_recorded(run: Run, what: str, population: str) -> None:
    """Refuse a source or population that ``record=`` left out."""
    run._index(population)
    if run._spikes is not None and population not in run.recorded_populations:
        raise InputError(
            f"run.{what}: all spikes of {', '.join(run.recorded_populations)} were recorded, of {population!r} only "
            f'the first; must be all. Simulate with record=[{population!r}] or record="spikes".'
        )


def _trains(run: Run, population: str, sample: int) -> list[Array]:
    """The spike times of each neuron of a population in one sample."""
    index, _ = run._index(population)
    low, high = np.searchsorted(run.spikes["sample"], [sample, sample + 1])
    mine = run.spikes[low:high]
    mine = mine[mine["population"] == index]
    order = np.argsort(mine["neuron"], kind="stable")
    borders = np.searchsorted(mine["neuron"][order], np.arange(1, run.sizes[index]))
    return np.split(mine["time"][order], borders)


def _end(run: Run, spikes: Array, t_max: float | None) -> float:
    """When the recording ends."""
    last = float(spikes["time"].max(initial=0.0))
    if t_max is None:
        until = run.provenance.get("until")
        return last if until is None else float(until)
    end = float(number("run.to_nirdata", "t_max", t_max, low=0, remedy="Give the end of the recording."))
    if end < last:
        raise InputError(
            f"run.to_nirdata: t_max = {end}, but there is a spike at {last}; must not be earlier. Nothing is cut off: "
            "give a later end, or simulate until it."
        )
    return end


def replaced(where: str, path: str | Path, write: Callable[[str], None]) -> None:
    """Write a file under a temporary name beside `path`, then put it in its place."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"{where}: path = {path!r:.80}; must be the path of a file. Give a name.")
    place = Path(path)
    if not place.parent.is_dir():
        raise InputError(f"{where}: {place}: there is no folder {place.parent}; must exist. Make it first.")
    temporary = place.with_name(f".{place.stem[:100]}.{secrets.token_hex(6)}.tmp{place.suffix}")
    try:
        write(str(temporary))
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
