"""How long the steps of a run took on a chip on which a barrier ends them: the physical time beside the model's.

Relies on what is updated in each step (`step_updates`) and on the packets of each (`step_traffic`). Used by ledgers and
reports.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.fabric.contract import NOWHERE, Fabric
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.model_steps import steps_at
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.hardware.quantities import text_of
from eventsim.hardware.run_time import in_steps
from eventsim.hardware.step_traffic import Traffic
from eventsim.hardware.step_updates import Sent, Visits
from eventsim.network.network import Network
from eventsim.run.due import transport_of
from eventsim.run.packets import deliveries, log_of
from eventsim.run.run import Run
from eventsim.run.spans import durations
from eventsim.run.spread import Spread
from eventsim.run.station_load import StationLoad, station_loads, station_table
from eventsim.table import Column, Table, Tabled
from eventsim.wording import name_text

Array = np.ndarray[Any, Any]
WHERE = "step_times"
MOST_VISITS = 2**29  # of neurons, in a sample: a few gigabytes


@dataclass(frozen=True, eq=False)
class StepTimes(Tabled):
    """How long each step of a run took, in seconds of the chip; ``print(step_times)`` shows it in short.

    Step k carries the spikes that were emitted after the last step and not after k times the length of a step in the
    network's unit, and lasts until all cores have visited their neurons and served their packets, and the barrier is
    passed.

    Attributes
    ----------
    step
        The length of a step in the network's unit of time.
    lengths, updates, traffic : array (n_samples, n_steps)
        How long each step took; when the last core had visited its neurons, and when the last packet was served. NaN
        where a sample had ended.
    barrier
        How long a barrier takes.
    stations
        A `StationLoad` for each station that packets came to, over all steps.
    delays : dict of Spreads
        From when a spike left its core to its delivery, by source and population that sent a packet.
    driven, idle
        Updates of neurons that received something in their step, and other ones.
    """

    step: float
    lengths: Array = field(repr=False)
    updates: Array = field(repr=False)
    traffic: Array = field(repr=False)
    barrier: float
    stations: tuple[StationLoad, ...] = field(repr=False)
    delays: dict[str, Spread] = field(repr=False)
    driven: int
    idle: int

    @property
    def n_steps(self) -> int:
        """Steps of all samples."""
        return int((~np.isnan(self.lengths)).sum())

    @property
    def seconds(self) -> Array:
        """How long each sample took, (n_samples,), one behind the other."""
        return np.nansum(self.lengths, axis=1)

    def until(self, times: Any) -> Array:
        """Return how long the chip took until the ends of the steps of some times, one a sample, (n_samples,) seconds.

        `times` (n_samples,) in the network's unit; inf, and what is behind the last step, is the whole sample.
        """
        given = np.asarray(times, dtype=np.float64)
        last = np.full(given.shape, self.lengths.shape[1] - 1)
        finite = np.isfinite(given)
        last[finite] = np.minimum(steps_at(WHERE, given[finite], self.step), last[finite])
        running = np.nancumsum(self.lengths, axis=1)
        found: Array = running[np.arange(len(running)), last]
        return found

    def table(self) -> Table:
        """A row for each part of a step: shortest, median, percentiles and longest, over all steps."""
        there = ~np.isnan(self.lengths)
        rows = []
        for name, values in (("step", self.lengths), ("visits of neurons", self.updates), ("packets", self.traffic)):
            spread = Spread.of(values[there])
            rows.append((name, *(text_of(value, "s") for value in spread or ())))
        names = ("of each step", "shortest", "median", "p95", "p99", "longest")
        return Table(tuple(Column(name, text=True) for name in names), tuple(rows), below=self._notes())

    def station_table(self, rows: int | None = None) -> Table:
        """A row for each station, or for the `rows` that served longest; times in seconds."""
        return station_table(self.stations, rows)

    def _notes(self) -> tuple[str, ...]:
        seconds, limits = self.seconds, self._limits()
        held = ", ".join(f"{name} {n:,}" for name, n in limits.items() if n)
        return (
            f"{self.n_steps:,} steps of {len(seconds):,} samples; a barrier takes {text_of(self.barrier, 's')}",
            f"what was waited for: {held}",
            f"a sample takes {text_of(float(seconds.mean()), 's')}, the longest {text_of(float(seconds.max()), 's')}",
        )

    def _limits(self) -> dict[str, int]:
        """In how many steps the longest part was which."""
        there = ~np.isnan(self.lengths)
        updates, traffic, whole = (part[there] for part in (self.updates, self.traffic, self.lengths))
        shortest = np.maximum(updates, traffic) + self.barrier < whole
        return {
            "packets": int(((traffic > updates) & ~shortest).sum()),
            "visits of neurons": int(((traffic <= updates) & ~shortest).sum()),
            "the shortest step": int(shortest.sum()),
        }

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        longest = float(np.nanmax(self.lengths))
        return f"StepTimes: {self.n_steps:,} steps, the longest {text_of(longest, 's')}"

    def content(self) -> dict[str, Any]:
        """In dicts, lists, words and numbers."""
        return {
            "step": self.step, "steps": self.n_steps, "barrier": self.barrier, "seconds": self.seconds.tolist(),
            "longest": float(np.nanmax(self.lengths)), "median": float(np.nanmedian(self.lengths)),
            "waited_for": self._limits(), "updates": {"driven": self.driven, "idle": self.idle},
            "delays": {name: spread._asdict() for name, spread in self.delays.items()},
        }  # fmt: skip


def step_times(run: Run, engine: str | None = None) -> StepTimes:
    """Return how long the steps of a run took on its chip.

    Parameters
    ----------
    run
        A run with ``transport=chip.place(net, step=…)`` on a chip whose steps end at a barrier, and all its spikes.
    engine
        That simulates the packets of the steps, "compiled" or "reference"; both give the same. None: that of the run,
        which is "reference" for one on Fractions.

    Raises
    ------
    InputError
        Another run, or one that ended early; a neuron that fires twice in one step; values that are unknown of the
        chip.
    SimulationError
        Packets of a step that wait for each other in a circle.

    Notes
    -----
    A core visits its neurons in the order of populations and indices, for ``core.update_idle``, or
    ``core.update_driven`` where the neuron has received something in this step, and ``core.spike`` more where it fires;
    its spike leaves then. Meanwhile cores serve the packets that come in. Spikes from off the chip come at the
    beginning of a step. A step takes as long as the last core and the last packet, and a barrier, or ``time.step_min``.
    Held by tests/test_step_times.py against sums by hand and plain loops, and against SANA-FE by tests/test_sanafe.py.
    """
    net, placed = _checked(run)
    chip = placed.chip
    assert isinstance(chip, ChipDescription)
    assert placed.step is not None
    wiring = placed.wiring(net)
    placement, spikes = wiring.placement, _spikes_of(run, wiring.fabric(log=False))
    step = steps_at(WHERE, spikes["time"], placed.step)
    _check_once_a_step(run, spikes, step)
    n_steps = steps_at(WHERE, durations(run), placed.step) + 1
    visits = Visits(net, chip, placement, placed.step)
    if int(n_steps.max(initial=0)) * max(visits.n, 1) > MOST_VISITS:
        raise InputError(
            f"{WHERE}: {int(n_steps.max()):,} steps of {placed.step:g} with {visits.n:,} neurons; must be at most "
            f"{MOST_VISITS:,} visits in a sample. Place the network with longer steps, or end the run (until)."
        )
    updates, leaving, driven = _updated(visits, spikes, step, n_steps)
    traffic = np.where(np.isnan(updates), np.nan, 0.0)
    sent = spikes["packets"]
    busy, which = np.unique(spikes["sample"][sent] * updates.shape[1] + step[sent], return_inverse=True)
    took = None
    if len(busy):
        of_step = Traffic(net, chip, placement)
        took = of_step.run(
            len(busy), spikes["population"][sent], spikes["neuron"][sent], which.ravel(), leaving[sent],
            run.provenance["engine"] if engine is None else engine,
        )  # fmt: skip
        traffic.ravel()[busy] = _served_by(took, len(busy))
    tiles = {chip.tile(core) for core in placement.used.tolist()}
    barrier = chip.barrier_length(max(1, len(placement.used)), max(1, len(tiles)))
    lengths = np.maximum(np.maximum(updates, traffic) + barrier, float(chip.known("time.step_min", 0.0)))
    return StepTimes(
        step=placed.step,
        lengths=lengths,
        updates=updates,
        traffic=traffic,
        barrier=barrier,
        stations=() if took is None else tuple(station_loads(took, lengths.ravel()[busy])),
        delays={} if took is None else _delays(took),
        driven=driven,
        idle=int(n_steps.sum()) * visits.n - driven,
    )


SPIKE = np.dtype([("sample", "i8"), ("population", "i8"), ("neuron", "i8"), ("time", "f8"), ("packets", "?")])


def _spikes_of(run: Run, fabric: Fabric) -> Array:
    """All spikes by sample, (n,) records of `SPIKE`, and whether they became packets."""
    silent = [name for name in run.populations if name in fabric.route_of and name not in run.recorded_populations]
    if silent:
        raise InputError(
            f"{WHERE}: spikes of {name_text(silent[0])} were not recorded; must be, those of all sources and "
            "populations. Simulate with record='spikes'."
        )
    found = np.empty(len(run.spikes), SPIKE)
    for name in ("sample", "population", "neuron", "time"):
        found[name] = run.spikes[name]
    found["packets"] = False
    far = np.array([any(hop.station != NOWHERE for hop in route) for route in fabric.routes] + [False])
    for name, routes in fabric.route_of.items():
        mine = found["population"] == run.populations.index(name)
        found["packets"][mine] = far[np.asarray(routes)[found["neuron"][mine]]]  # -1, for none, is the last one
    return found


def _updated(visits: Visits, spikes: Array, step: Array, n_steps: Array) -> tuple[Array, Array, int]:
    """How long cores visit their neurons, (n_samples, n_steps); when spikes leave; updates of those that received."""
    lengths = np.full((len(n_steps), int(n_steps.max(initial=0))), np.nan)
    leaving, driven = np.zeros(len(spikes)), 0
    borders = np.searchsorted(spikes["sample"], np.arange(len(n_steps) + 1))
    for sample, (a, b) in enumerate(itertools.pairwise(borders)):
        sent = Sent(spikes["population"][a:b], spikes["neuron"][a:b], step[a:b])
        found = visits.of_sample(sent, int(n_steps[sample]))
        lengths[sample, : n_steps[sample]] = found.lengths
        leaving[a:b], driven = found.leaving, driven + found.driven
    return lengths, leaving, driven


def _served_by(took: Run, n: int) -> Array:
    """When the last packet of each step was where it went, (n,)."""
    hops, end = log_of(WHERE, took), np.zeros(n)
    latencies = np.array(took.provenance["fabric"]["latencies"])
    np.maximum.at(end, hops["sample"], hops["left"] + latencies[hops["station"]])
    return end


def _delays(took: Run) -> dict[str, Spread]:
    """From when a spike left its core, or came from off the chip, to its delivery; by source and population."""
    came, found = deliveries(took, log_of(WHERE, took)), {}
    for k, name in enumerate(took.populations):
        mine = came[came["population"] == k]
        if spread := Spread.of(mine["delivered"] - mine["emitted"]):
            found[name] = spread
    return found


def _check_once_a_step(run: Run, spikes: Array, step: Array) -> None:
    """Refuse a neuron that fires twice in one step, which cores visit once; pools pass on what comes."""
    sent = np.flatnonzero(spikes["packets"])
    keys = np.stack([spikes["sample"][sent], spikes["population"][sent], spikes["neuron"][sent], step[sent]], axis=1)
    found, counts = np.unique(keys, axis=0, return_counts=True)
    if (counts > 1).any():
        sample, population, neuron, when = found[int(np.argmax(counts > 1))].tolist()
        raise InputError(
            f"{WHERE}: neuron {neuron} of {name_text(run.populations[population])} fires {int(counts.max())} times in "
            f"step {when} of sample {sample}; must fire once at most, since cores visit their neurons once a step. "
            "Place the network with shorter steps."
        )


def _checked(run: Any) -> tuple[Network, PlacedChip]:
    if not isinstance(run, Run):
        raise InputError(f"{WHERE}: run is a {type(run).__name__}; must be a Run. Give what simulate returned.")
    if not in_steps(run):
        raise InputError(
            f"{WHERE}: the run was not on a chip whose steps end at a barrier; must have been. Simulate with "
            'transport=hardware.chip("loihi").place(net, step=…).'
        )
    if not run.complete:
        raise InputError(f"{WHERE}: run ended early; must be complete. Go on with it (simulate with resume=run).")
    if run._network is None:
        raise InputError(
            f"{WHERE}: run does not have its network, whose neurons are updated; must have it. Load it with "
            "load_run(path, net)."
        )
    if not np.isfinite(durations(run)).all():
        raise InputError(
            f"{WHERE}: nothing says when a sample ends; must be known, since silent steps take time, too. Simulate "
            "with until=…, or give populations windows."
        )
    placed = transport_of(run, WHERE)
    assert isinstance(placed, PlacedChip)
    return run._network, placed
