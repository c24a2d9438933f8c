"""Latency: what a fabric does to the spikes of a run, layer by layer and station by station.

Relies on the log of packets and on the counters of stations. `Run.latency` is its public face; reports and pictures
take it.
"""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.engines.fabric_records import FABRIC_COUNTERS
from eventsim.errors import InputError, listed, nearest
from eventsim.run.due import arrivals, fabric_of
from eventsim.run.layer_latency import LayerLatency, Log, ages, late_by_sample, layer_latency, lost_by_sample
from eventsim.run.packets import deliveries, log_of, out_of_order, spikes_in
from eventsim.run.recorded import RecordedRun
from eventsim.run.spans import durations
from eventsim.run.spread import Spread
from eventsim.run.station_load import StationLoad, station_loads, station_table
from eventsim.table import Column, Table, Tabled, dotted

Array = np.ndarray[Any, Any]
SHOWN = 12  # stations in the text, the busiest


@dataclass(frozen=True, eq=False)
class Latency(Tabled):
    """What a fabric did to the spikes of a run; ``print(latency)`` shows it. Times in the unit of the network.

    Attributes
    ----------
    layers
        A `LayerLatency` for each source and population.
    stations
        A `StationLoad` for each station, in their order.
    n_samples
        Number of samples.
    time_unit
        Seconds of a unit of time; None where the network has none.
    deadline
        The age at which the fabric calls a packet late; None without one.
    durations : array (n_samples,)
        How long each sample took; inf where nothing tells, NaN where it never began.
    counted
        Over all samples: spikes that were sent, packets that they became (ends of routes), those delivered and lost.
    inversions, pairs
        Pairs of packets to one core in one sample, whatever their layers, that were delivered in another order than
        they were emitted in; and all pairs.
    deliveries : array (n_packets,)
        Each packet that was delivered: records (sample, population, neuron, number, core, emitted, delivered), with the
        population as its number, and core -1 off the chip.
    late_by_sample, lost_by_sample : array (n_samples, n_populations)
        How many packets of each source and population were too late for what they reach, and at how many places some
        were lost; the former None where the network is not known.
    """

    layers: tuple[LayerLatency, ...]
    stations: tuple[StationLoad, ...]
    n_samples: int
    time_unit: float | None
    deadline: float | None
    durations: Array = field(repr=False)
    counted: dict[str, int]
    inversions: int
    pairs: int
    deliveries: Array = field(repr=False)
    late_by_sample: Array | None = field(repr=False)
    lost_by_sample: Array = field(repr=False)

    def layer(self, population: str) -> LayerLatency:
        """Return the packets of one source or population.

        Raises
        ------
        InputError
            A name that there is not.
        """
        return self._named("population", population, {one.population: one for one in self.layers})

    def station(self, station: str) -> StationLoad:
        """Return one station, by its name.

        Raises
        ------
        InputError
            A name that there is not.
        """
        return self._named("station", station, {one.station: one for one in self.stations})

    def _named(self, what: str, name: Any, known: dict[str, Any]) -> Any:
        if not isinstance(name, str) or name not in known:
            hint = nearest(name, known) if isinstance(name, str) else ""
            raise InputError(f"latency: {what} = {name!r}{hint}; must be one of {listed(known, 8)}. Name one of them.")
        return known[name]

    @property
    def first_late(self) -> str | None:
        """The first layer, in the order of the network, with a packet too late for what it reaches.

        None where there is none, and where it is not known: `late_by_sample` is None then.
        """
        return next((one.population for one in self.layers if one.late), None)

    def table(self) -> Table:
        """A row for each source and population that sent a packet; below, what holds for all."""
        columns = [Column("layer", text=True), Column("spikes", ","), Column("packets", ",")]
        columns += [Column(name, _time, missing="-") for name in ("emitted", "to", "delivered", "to ", "delay", "p95")]
        columns += [Column("p99", _time, missing="-"), Column("most", _time, missing="-")]
        columns += [Column("waiting", _time), Column("late", dotted, missing="?")]
        columns += [Column("overrun", _time, missing="?")]
        columns += [Column(name, dotted, missing="-") for name in ("missed", "lost", "inverted")]
        rows = []
        for one in self.layers:
            if not one.spikes:
                continue
            ends = [(s.first, s.last) if s else (None, None) for s in (one.emitted, one.delivered)]
            delay = one.delay
            parts = (delay.median, delay.p95, delay.p99, delay.last) if delay else (None,) * 4
            rows.append((
                one.population, one.spikes, one.packets, *ends[0], *ends[1], *parts, one.waiting, one.late, one.overrun,
                one.missed, one.lost, one.inversions,
            ))  # fmt: skip
        return Table(tuple(columns), tuple(rows), below=self._notes())

    def station_table(self, rows: int | None = None) -> Table:
        """A row for each station, or for the `rows` that served longest."""
        return station_table(self.stations, rows)

    def _notes(self) -> tuple[str, ...]:
        unit = "" if self.time_unit is None else f" of {self.time_unit:g} s"
        of = f"{self.n_samples} sample{'s' if self.n_samples != 1 else ''}; times in units{unit or ' of the network'}"
        share = f" ({self.inversions / self.pairs:.2%})" if self.pairs else ""
        lines = [of, f"pairs of packets to one core out of order: {self.inversions:,} of {self.pairs:,}{share}"]
        if self.counted["lost"]:
            lines.append(f"lost: {self.counted['lost']:,} of {self.counted['packets']:,} packets")
        return tuple(lines)

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.station_table(SHOWN)}"

    def __repr__(self) -> str:
        late = [one.late for one in self.layers if one.late is not None]
        said = f", {sum(late):,} too late for what they reach" if late else ""
        return f"Latency: {self.counted['delivered']:,} packets delivered over {len(self.stations)} stations{said}"

    def content(self) -> dict[str, Any]:
        """All of it but the deliveries, in dicts, lists, words and numbers; what is not known is None."""
        return {
            "samples": self.n_samples,
            "time_unit": self.time_unit,
            "deadline": self.deadline,
            "durations": [time if math.isfinite(time) else None for time in self.durations.tolist()],
            "packets": self.counted,
            "inversions": self.inversions,
            "pairs": self.pairs,
            "layers": [_content(one) for one in self.layers],
            "stations": [dataclasses.asdict(one) for one in self.stations],
        }

    def to_json(self) -> str:
        """Return `content` as JSON."""
        return json.dumps(self.content(), allow_nan=False)


def latency(run: RecordedRun) -> Latency:
    """Return what became of the packets of a run; see `Run.latency`."""
    hops = log_of("run.latency", run)
    assert run.records.fabric is not None
    came, lasted, net = deliveries(run, hops), durations(run), run._network
    reached = None
    if net is not None:
        fabric = fabric_of(run, net, "run.latency")
        reached = [
            arrivals(net, fabric, came, [one for one in net.projections if one.pre is node]) for node in net.nodes
        ]
    log = Log(hops, came, spikes_in(hops), ages(run, hops), reached)
    overtaken, pairs = out_of_order(came)
    return Latency(
        layers=tuple(layer_latency(run, log, k) for k in range(len(run.populations))),
        stations=tuple(station_loads(run, lasted)),
        n_samples=run.n_samples,
        time_unit=run.provenance.get("time_unit"),
        deadline=run.provenance["fabric"]["deadline"],
        durations=lasted,
        counted=dict(zip(FABRIC_COUNTERS, run.records.fabric.sum(axis=0).tolist(), strict=True)),
        inversions=overtaken,
        pairs=pairs,
        deliveries=came,
        late_by_sample=None if reached is None else late_by_sample(run, came, reached),
        lost_by_sample=lost_by_sample(run, hops),
    )


def _content(layer: LayerLatency) -> dict[str, Any]:
    spreads = {name: value._asdict() for name, value in vars(layer).items() if isinstance(value, Spread)}
    return dataclasses.asdict(layer) | spreads


def _time(t: float) -> str:
    return f"{t:.4g}"
