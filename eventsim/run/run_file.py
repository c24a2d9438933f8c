"""What a saved run must hold: types, shapes, lengths and ranges, all checked before a `Run` is made of it.

Relies on the record types of the machine. Used by `load_run`. The format is documented in
docs/reference/formats.md.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from eventsim.checks import real
from eventsim.engines.fabric_records import (
    FABRIC_COUNTERS,
    HOP_RECORD,
    NO_ROOM,
    OUTCOMES,
    STATION_COUNTERS,
    unaccounted,
)
from eventsim.engines.records import RunRecords
from eventsim.engines.run_state import RunState
from eventsim.engines.tables import COUNTERS, SPIKE, TRACE
from eventsim.errors import FileFormatError
from eventsim.fabric.contract import PARTS

Array = np.ndarray[Any, Any]
FILE_FORMAT = "eventsim-run"
FILE_VERSION = 1
ARRAYS = ("spikes", "first", "errors", "traces", "fabric", "stations", "hops", "readout", "stopped", "reached")
TOTALS = (*COUNTERS, "events", "queue_operations")


def run_fields(path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Return what `Run` is made with, from the header and the arrays of a file.

    Raises
    ------
    FileFormatError
        Names the first entry that is not what `Run.save` writes.
    """
    return _Checker(path, header).fields(arrays)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_positive(value: Any) -> bool:
    return real(value) is not None and 0 < value < math.inf


def _is_finite(value: Any) -> bool:
    return real(value) is not None and math.isfinite(value)


def _increasing(texts: Any) -> bool:
    """Two or three increasing times as text, of three the last may be infinite?"""
    if not isinstance(texts, list) or len(texts) not in (2, 3) or not all(isinstance(text, str) for text in texts):
        return False
    try:
        times = [float(text) for text in texts]
    except ValueError:
        return False
    return all(low < high for low, high in itertools.pairwise(times)) and times[0] >= 0 and times[1] < math.inf


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def _are_earlier(value: Any, n_samples: int) -> bool:
    """The networks that a run was simulated on before its last one: each has a hash, and a time a sample?"""
    return isinstance(value, list) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("network_hash"), str)
        and isinstance(entry.get("until"), list)
        and len(entry["until"]) == n_samples
        and all(_is_finite(t) and t >= 0 for t in entry["until"])
        for entry in value
    )


def _is_list(value: Any, length: int, kind: type) -> bool:
    return isinstance(value, list) and len(value) == length and all(isinstance(one, kind) for one in value)


def _tells_stations(said: Mapping[str, Any], n: int) -> bool:
    """What `FabricPlan.describe` says, of n stations?"""
    latencies, deadline, tick = (said.get(name) for name in ("latencies", "deadline", "tick"))
    times = [tick, *(latencies if isinstance(latencies, list) else ()), *(() if deadline is None else (deadline,))]
    return (
        _is_list(said.get("parts"), n, str)
        and {"", *PARTS}.issuperset(said["parts"])
        and isinstance(latencies, list)
        and len(latencies) == n
        and all(_is_finite(time) and time >= 0 for time in times)
    )


# Entries of the provenance that eventsim reads again: what each must be, in words and as a test.
PROVENANCE: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "engine": ("text", lambda value: isinstance(value, str)),
    "network_hash": ("text", lambda value: isinstance(value, str)),
    "seed": ("an integer >= 0", _is_count),
    "sample_ids": ("a list of integers >= 0", lambda value: isinstance(value, list) and all(map(_is_count, value))),
    "time_unit": ("a number > 0 or null", lambda value: value is None or _is_positive(value)),
    "until": ("a number > 0 or null", lambda value: value is None or _is_positive(value)),
    "faults": (
        "a list of dicts",
        lambda value: isinstance(value, list) and all(isinstance(entry, dict) for entry in value),
    ),
    "transport": (
        "a dict with its name, or null",
        lambda value: value is None or (isinstance(value, dict) and isinstance(value.get("transport"), str)),
    ),
    "stop": ("a dict or null", lambda value: value is None or isinstance(value, dict)),
    "record": ("text or a list of names", lambda value: isinstance(value, str) or _is_names(value)),
    "error_bounds": ("true or false", lambda value: isinstance(value, bool)),
    "seconds": ("a number >= 0", lambda value: value == 0 or _is_positive(value)),
}


class _Checker:
    """The header of one file, entry by entry."""

    def __init__(self, path: str | Path, header: Mapping[str, Any]) -> None:
        self.path, self.header = path, header

    def refuse(self, what: str) -> NoReturn:
        """Raise the error of this file."""
        raise FileFormatError(f"{self.path}: not a complete eventsim run: {what}. Save it again with run.save().")

    def entry(self, key: str, kind: type) -> Any:
        """The header's entry of this name and JSON type."""
        value = self.header.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.refuse(f"header[{key!r}] = {value!r:.80}; must be of type {kind.__name__}")
        return value

    def fields(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """All that a run is made with."""
        populations = self.populations()
        shapes = self.shapes(len(populations))
        n_samples = self.entry("n_samples", int)
        if n_samples < 1:
            self.refuse(f"header['n_samples'] = {n_samples}; must be >= 1")
        sizes = [math.prod(shape) for shape in shapes]
        arrays = dict(arrays)
        state = self.state(arrays, n_samples)
        self.check_arrays(arrays, n_samples, sizes)
        provenance = self.provenance(n_samples)
        self.check_recorded(provenance["record"], populations, arrays)
        self.check_stations(provenance, arrays)
        mine: dict[str, Any] = {name: arrays.get(name) for name in ARRAYS}
        return {
            "populations": populations,
            "shapes": shapes,
            "n_samples": n_samples,
            "counters": self.counters(populations),
            "provenance": provenance,
            "windows": self.windows(populations),
            "complete": self.entry("complete", bool),
            "records": RunRecords(**mine, state=state),
        }

    def state(self, arrays: dict[str, Array], n_samples: int) -> RunState | None:
        """Where the samples stand, if the run kept it; takes its arrays. What they hold is checked with the network."""
        entry = self.header.get("state")
        if entry is None:
            return None
        try:
            return RunState.unpacked(n_samples, entry, arrays)
        except (KeyError, TypeError, ValueError) as error:
            self.refuse(f"the state is damaged, or one of another version of eventsim ({error!r:.80})")

    def populations(self) -> list[str]:
        """Names, each once."""
        names = self.entry("populations", list)
        if not names or not all(isinstance(name, str) and name for name in names) or len({*names}) < len(names):
            self.refuse(f"header['populations'] = {names!r:.80}; must be different names")
        return names

    def shapes(self, n: int) -> list[tuple[int, ...]]:
        """One shape a population."""
        shapes = self.entry("shapes", list)
        good = all(isinstance(shape, list) and shape and all(_is_count(m) and m > 0 for m in shape) for shape in shapes)
        if not good or len(shapes) != n:
            self.refuse(f"header['shapes'] = {shapes!r:.80}; must be {n} lists of integers >= 1, one a population")
        return [tuple(shape) for shape in shapes]

    def counters(self, populations: list[str]) -> dict[str, Any]:
        """Totals, and the same by population."""
        counters = self.entry("counters", dict)
        by_population = counters.get("by_population")
        if not isinstance(by_population, dict) or {*by_population} != {*populations}:
            self.refuse("header['counters']['by_population'] must have an entry for each population and no other")
        tables: list[tuple[str, Any, tuple[str, ...]]] = [("counters", counters, TOTALS)]
        tables += [(f"counters of {name!r}", by_population[name], COUNTERS) for name in populations]
        for where, table, needed in tables:
            for name in needed:
                value = table.get(name) if isinstance(table, dict) else None
                if not _is_count(value):
                    self.refuse(f"{where}: {name} = {value!r:.80}; must be an integer >= 0")
        transport = counters.get("transport")
        if "transport" in counters and not (isinstance(transport, dict) and all(map(_is_finite, transport.values()))):
            self.refuse(f"header['counters']['transport'] = {transport!r:.80}; must be a dict of finite numbers")
        return counters

    def provenance(self, n_samples: int) -> dict[str, Any]:
        """The provenance, of which the entries that are read again are checked."""
        provenance = self.entry("provenance", dict)
        for key, (words, good) in PROVENANCE.items():
            if key not in provenance or not good(provenance[key]):
                self.refuse(f"provenance[{key!r}] = {provenance.get(key)!r:.80}; must be {words}")
        if not _are_earlier(provenance.get("earlier_networks", []), n_samples):
            self.refuse(
                "provenance['earlier_networks'] must have a network_hash and a time for each sample in each entry"
            )
        sources = provenance.get("sources", [])  # files that were saved before it was said have none
        if sources and not (_is_names(sources) and set(sources) <= set(self.populations())):
            self.refuse(f"provenance['sources'] = {sources!r:.80}; must be names of populations")
        if len(provenance["sample_ids"]) != n_samples:
            self.refuse(f"provenance has {len(provenance['sample_ids'])} sample_ids for {n_samples} samples")
        return provenance

    def windows(self, populations: list[str]) -> dict[str, tuple[float, ...] | None]:
        """Windows of two or three increasing times, of three the last may be infinite; None without one."""
        given = self.entry("windows", dict)
        if {*given} != {*populations}:
            self.refuse("header['windows'] must have an entry for each population and no other")
        for name, texts in given.items():
            if texts is not None and not _increasing(texts):
                self.refuse(f"window of {name!r} = {texts!r:.80}; must be two or three increasing times as text")
        return {name: None if texts is None else tuple(map(float, texts)) for name, texts in given.items()}

    def check_arrays(self, arrays: Mapping[str, Array], n_samples: int, sizes: list[int]) -> None:
        """Refuse arrays of another name, type, shape or range. O(n) in their length."""
        n = sum(sizes)
        shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
            "spikes": (SPIKE, (-1,)),
            "first": (np.dtype(np.float64), (n_samples, n)),
            "errors": (np.dtype(np.float64), (n_samples, n, 2)),
            "traces": (TRACE, (-1,)),
            "fabric": (np.dtype(np.int64), (n_samples, len(FABRIC_COUNTERS))),
            "stations": (np.dtype(np.float64), (n_samples, -1, len(STATION_COUNTERS))),
            "hops": (HOP_RECORD, (-1,)),
            "readout": (np.dtype(np.float64), (n_samples, -1)),
            "stopped": (np.dtype(np.float64), (n_samples,)),
            "reached": (np.dtype(np.float64), (n_samples,)),
        }
        for name, array in arrays.items():
            if name not in shapes:
                self.refuse(f"array {name!r} is none of {', '.join(ARRAYS)}")
            dtype, shape = shapes[name]
            fits = array.ndim == len(shape) and all(
                m in (-1, length) for m, length in zip(shape, array.shape, strict=True)
            )
            if array.dtype != dtype or not fits:
                wanted = f"({', '.join('n' if m < 0 else str(m) for m in shape)}) of {dtype}"
                self.refuse(f"array {name!r} has shape {array.shape} of {array.dtype}; must be {wanted}")
        if "spikes" in arrays:
            self.check_records("spikes", arrays["spikes"], n_samples, sizes)
        if "traces" in arrays:
            self.check_records("traces", arrays["traces"], n_samples, sizes)
        self.check_fabric(arrays, n_samples, sizes)
        if "first" in arrays and not (arrays["first"] >= 0).all():
            self.refuse("array 'first' holds NaN or negative times")
        if "stopped" in arrays and not (arrays["stopped"] >= 0).all():
            self.refuse("array 'stopped' holds NaN or negative times")
        if "reached" in arrays and (arrays["reached"] < 0).any():
            self.refuse("array 'reached' holds negative times")
        if "readout" in arrays and not 1 <= arrays["readout"].shape[1] <= n:
            self.refuse(f"array 'readout' has {arrays['readout'].shape[1]} columns for {n} neurons")

    def check_fabric(self, arrays: Mapping[str, Array], n_samples: int, sizes: list[int]) -> None:
        """Refuse counters of a fabric that are none, and hops over stations, or of neurons, that there are not."""
        if len({name in arrays for name in ("fabric", "stations")}) > 1 or (
            "hops" in arrays and "fabric" not in arrays
        ):
            self.refuse("arrays 'fabric', 'stations' and 'hops' must be there together; 'hops' may be left out")
        if "fabric" in arrays and not (arrays["fabric"] >= 0).all():
            self.refuse("array 'fabric' holds negative counts")
        if "fabric" in arrays and unaccounted(arrays["fabric"]).any():
            self.refuse("the packets of array 'fabric' are not those delivered, those lost and those under way")
        if "stations" in arrays and not ((arrays["stations"] >= 0) & (arrays["stations"] < np.inf)).all():
            self.refuse("array 'stations' holds negative numbers, NaN or infinity")
        if "hops" not in arrays:
            return
        hops = arrays["hops"]
        self.check_records("hops", hops, n_samples, sizes)
        inside = (hops["station"] >= 0) & (hops["station"] < arrays["stations"].shape[1])
        if not (inside & (hops["outcome"] < len(OUTCOMES)) & (hops["hop"] >= 0) & (hops["emitted"] >= 0)).all():
            self.refuse("a record of array 'hops' has a station, an outcome, a place or a time that there is not")
        served = hops[hops["outcome"] != NO_ROOM]
        on_the_way = [hops[name] for name in ("emitted", "sent", "entered")]
        times = [served[name] for name in ("entered", "started", "ended", "left")]
        in_order = (early <= late for several in (on_the_way, times) for early, late in itertools.pairwise(several))
        if not all(one.all() for one in in_order) or (hops["entered"] == np.inf).any() or (times[-1] == np.inf).any():
            self.refuse("the times of a record of array 'hops' are not in order")

    def check_stations(self, provenance: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Refuse what does not say what each station of the fabric is; files of an earlier eventsim do not say it."""
        said = provenance.get("fabric")
        if said is None or "stations" not in arrays:
            return
        n, names = arrays["stations"].shape[1], provenance.get("stations")
        if not (_is_list(names, n, str) and isinstance(said, dict) and _tells_stations(said, n)):
            self.refuse(
                f"provenance['stations'] = {names!r:.80}, ['fabric'] = {said!r:.80}; must be the name, the part and "
                f"the latency of each of {n} stations, a deadline or null, and a tick"
            )

    def check_recorded(self, record: Any, populations: list[str], arrays: Mapping[str, Array]) -> None:
        """Refuse a list of recorded populations that the run does not have, or that its spikes do not keep to."""
        if not isinstance(record, list):
            return
        unknown = [name for name in record if name not in populations]
        if unknown or "spikes" not in arrays:
            self.refuse(f"provenance['record'] = {record!r:.80}; must name populations whose spikes the file holds")
        allowed = [populations.index(name) for name in record]
        if not np.isin(arrays["spikes"]["population"], allowed).all():
            self.refuse("a record of array 'spikes' is of a population that provenance['record'] does not name")

    def check_records(self, name: str, records: Array, n_samples: int, sizes: list[int]) -> None:
        """Refuse records whose sample or neuron the run does not have, or whose time is none; samples are in order."""
        sample, neuron = records["sample"], records["neuron"]
        limit: Any = sum(sizes)
        if name in ("spikes", "hops"):
            if (records["population"] >= len(sizes)).any():
                self.refuse(f"a record of array {name!r} names a population that the run does not have")
            limit = np.asarray(sizes)[records["population"]]
        if (sample < 0).any() or (sample >= n_samples).any() or (np.diff(sample) < 0).any():
            self.refuse(f"samples of array {name!r} are not in order or not in 0..{n_samples - 1}")
        if (neuron < 0).any() or (neuron >= limit).any():
            self.refuse(f"a record of array {name!r} names a neuron that its population does not have")
        time = records["emitted" if name == "hops" else "time"]
        if not ((time >= 0) & (time < math.inf)).all():
            self.refuse(f"a time of array {name!r} is negative, infinite or NaN")
