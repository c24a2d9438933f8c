"""What is to be verified: the spike times of a run, or those that somebody else's program computed.

Brings both into one form, and simulates where there is no run yet, or one without rounding bounds. Relies on
`simulate` and the replay of faults and transports. Used by `verify`.
"""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from eventsim.checks import NEAR, held_in_float64, plain_array
from eventsim.engines.stimulus import Inputs
from eventsim.errors import InputError, PrematureSpikeWarning, listed, nearest
from eventsim.fabric.contract import Transport
from eventsim.faults.contract import EmissionFault
from eventsim.files.archive import read_arrays
from eventsim.models.checking.expected_times import EXTENDED
from eventsim.models.checking.fields import projections_to
from eventsim.models.checking.ideal_values import relayed
from eventsim.models.checking.preconditions import check_network, check_run
from eventsim.models.checking.replayed_stages import stages_of
from eventsim.models.relu.input_order import shape_hint, turn_of
from eventsim.models.relu.real_numbers import as_fraction, as_numbers, real_array
from eventsim.network.network import Network, Population, Source
from eventsim.network.sources import SpikeTimes, encode
from eventsim.run.run import Run
from eventsim.simulate import simulate

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Observation:
    """Spike times and where they come from.

    Attributes
    ----------
    n_samples
        Number of samples.
    times : dict of arrays (n_samples, size)
        First spike times by source or population; float64, or extended precision where they were Fractions; inf =
        silent.
    bounds : dict of arrays (n_samples, size)
        Rounding bounds of the times by population, where the run has them.
    exact_times : dict of arrays (n_samples, size)
        The same as Fractions, of a run of these; else empty.
    values : dict of arrays (n_samples, size)
        What the user gave for a source, before it was coded.
    readout : array (n_samples, n_out)
        Potentials that were read out, or None.
    unit
        Half an ulp of 1 in the arithmetic of whoever computed the times.
    faults, transport, seed, sample_ids
        The stages, the seed and the samples of the run.
    external
        Whether the times are not those of a run.
    changed : dict of arrays (n_samples, size)
        Where simulating the run again gave other spikes although the neuron's inputs were the same, by population.
    notes
        What a reader of the report should know.
    """

    n_samples: int
    times: dict[str, Array]
    bounds: dict[str, Array] = field(default_factory=dict)
    exact_times: dict[str, Array] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    readout: Array | None = None
    unit: float = 2.0**-53
    faults: tuple[EmissionFault, ...] = ()
    transport: Transport | None = None
    seed: int = 0
    sample_ids: tuple[int, ...] = ()
    external: bool = False
    changed: dict[str, Array] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of(self, name: str, neurons: Array) -> "Observation":
        """What was seen of some neurons of one population, (n,) indices."""
        parts: dict[str, Any] = {
            what: {name: mine[name][:, neurons]} if name in (mine := getattr(self, what)) else {}
            for what in ("times", "bounds", "changed")
        }
        return replace(self, **parts)


def observe(
    net: Network, x: Any, run: Run | None, times: Any, who: str = "verify", engine: str = "compiled"
) -> Observation:
    """Return what is to be verified; see `eventsim.models.verify` for the arguments and errors.

    `who` begins the messages about networks and runs.
    """
    check_network(net, who)
    if run is None and x is None and times is None:
        raise InputError("verify: neither x nor run; give the inputs to simulate, or a run to look at")
    if run is not None:
        check_run(net, run, who)
    values = {} if x is None else _values(net, x)
    if times is not None:
        return _of_times(net, run, times, values)
    if run is None:
        run = _simulated(net, x, engine)
    elif x is not None and (counts := {name: len(array) for name, array in values.items()}) != dict.fromkeys(
        counts, run.n_samples
    ):
        raise InputError(f"verify: the run has {run.n_samples} samples, x has {counts}; give the inputs of the run")
    clipped = [s.name for s in net.sources if run.counters["by_population"][s.name]["clipped"] and s.name not in values]
    if clipped:
        remedy = "give x=" if who == "verify" else "give x in place of the run"
        raise InputError(
            f"{who}: the run clipped values of source {clipped[0]!r}, and which ones only x can tell; {remedy}"
        )
    return _of_run(net, run, values, who, engine)


# -- runs --------------------------------------------------------------------------------------------------------------


def encoded(net: Network, x: Any) -> dict[str, Array]:
    """Return the spike times (n_samples, size) of all sources for inputs as `simulate` takes them."""
    return {name: _held(times) for name, times in Inputs(net, x, None, 0, None, False).one_each().items()}


def _simulated(net: Network, x: Any, engine: str, **options: Any) -> Run:
    bounds = not net.exact
    engine = engine if bounds else "reference"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrematureSpikeWarning)  # the report says where, and how far off
        return simulate(net, x, engine=engine, record="first_spikes", error_bounds=bounds, **options)


def _of_run(net: Network, run: Run, values: dict[str, Array], who: str, engine: str) -> Observation:
    run.check_one_network(who)
    if run.provenance.get("made_from") == net.hash():
        made = [one["fault"] for one in run.provenance["faults"]]
        raise InputError(
            f"{who}: the run has faults that act before it ({listed(made)}), so that another network ran; must be held "
            "against that one. Give eventsim.faults.manufacture(net, faults, seed) with the faults and the seed of the "
            "run."
        )
    faults, transport = stages_of(run.provenance, who)
    seen = Observation(
        n_samples=run.n_samples,
        times={node.name: _held(run.spike_times(node.name)) for node in net.nodes},
        exact_times={node.name: run.spike_times(node.name) for node in net.nodes} if net.exact else {},
        values=values,
        readout=_readout(net, run),
        unit=0.0 if net.exact else 2.0**-53,
        faults=faults,
        transport=transport,
        seed=int(run.provenance["seed"]),
        sample_ids=tuple(run.provenance["sample_ids"]),
    )
    if run.provenance["network_hash"] != net.hash():
        seen.notes.append(f"the run was made with another network ({run.network_difference(net)})")
    elif not net.exact:
        again = run if run.provenance.get("error_bounds") else _repeated(net, seen, engine)
        seen.bounds = {population.name: again.spike_errors(population.name) for population in net.populations}
        if again is not run:
            _compare(net, seen, again)
    return seen


def _repeated(net: Network, seen: Observation, engine: str) -> Run:
    """The same run once more, with rounding bounds."""
    stimulus = {source.name: SpikeTimes(seen.times[source.name]) for source in net.sources}
    return _simulated(
        net,
        stimulus,
        engine,
        faults=seen.faults,
        transport=seen.transport,
        seed=seen.seed,
        sample_ids=list(seen.sample_ids),
    )


def _compare(net: Network, seen: Observation, again: Run) -> None:
    """Note the neurons that fire at another time in the repetition although all before them is the same."""
    same = np.ones((seen.n_samples, 1), dtype=bool)
    for population in net.populations:
        if not population.model.spiking:
            continue
        differs = again.spike_times(population.name) != seen.times[population.name]
        if differs.any():
            seen.notes.append(f"simulated again, {np.count_nonzero(differs)} spikes of {population.name!r} differ")
            seen.changed[population.name] = differs & same
        same = same & ~differs.any(axis=1, keepdims=True)


def _readout(net: Network, run: Run) -> Array | None:
    if all(population.model.spiking for population in net.populations):
        return None
    return _held(run.readout)


def _held(array: Array) -> Array:
    """An array of any shape: float64 as it is; Fractions (and inf) in extended precision."""
    if array.dtype != object:
        return array
    times = np.full(array.shape, np.inf, dtype=EXTENDED)
    finite = np.array([value not in (np.inf, None) for value in array.ravel()]).reshape(array.shape)
    times[finite] = as_numbers(np.array([*map(as_fraction, array[finite]), None], dtype=object)[:-1], EXTENDED)
    return times


# -- values and times from outside -------------------------------------------------------------------------------------


def _values(net: Network, x: Any) -> dict[str, Array]:
    """The values among the data of `simulate`, by source, (n_samples, size); spike times are left out."""
    if isinstance(x, Mapping):
        given = dict(x)
    elif len(net.sources) == 1:
        given = {net.sources[0].name: x}
    else:
        raise InputError(
            f"verify: one array for {len(net.sources)} sources; give a dict by source name: "
            f"{', '.join(source.name for source in net.sources)}"
        )
    found = {}
    for name, data in given.items():
        node = net.node(name)
        if not isinstance(node, Source):
            raise InputError(f"verify: x has data for population {name!r}; data go to sources")
        if not isinstance(data, SpikeTimes):
            array = real_array(f"verify: x for {name!r}", data, InputError)
            if array.shape[1:] not in (node.shape, (node.size,)):
                raise InputError(
                    f"verify: x for {name!r} has shape {array.shape}; must be (n, {', '.join(map(str, node.shape))})"
                    f"{shape_hint(array.shape, node.shape, turn_of(net.provenance.get('relu') or {}))}"
                )
            found[name] = array.reshape(len(array), node.size)
    return found


def _of_times(net: Network, run: Run | None, times: Any, values: dict[str, Array]) -> Observation:
    """Times from another program in place of a run's; sources that it leaves out are coded from x or the run."""
    given = dict(_read_times(times))
    readouts = [node for node in net.populations if not node.model.spiking]
    potentials = [_real_numbers(node, "potentials", given.pop(node.name)) for node in readouts if node.name in given]
    if 0 < len(potentials) < len(readouts):
        raise InputError("verify: times has potentials of some read-outs; must be of all of them, or of none")
    names = [node.name for node in net.nodes if isinstance(node, Source) or node.model.spiking]
    for name in given:
        if name not in names:
            raise InputError(f"verify: times has {name!r}{nearest(name, names)}; must be among {', '.join(names)}")
    found = {}
    unit = 2.0**-53
    for name in names:
        node = net.node(name)
        if name in given:
            found[name], own_unit = _checked_times(node, given[name])
            unit = max(unit, own_unit)
        elif isinstance(node, Population) and node.model.relay:
            found[name] = _relayed_times(net, node, found)
        elif isinstance(node, Population):
            raise InputError(
                f"verify: times lacks {name!r}; must have all of {', '.join(names)} (sources and pools may be left out)"
            )
        elif name in values:
            found[name] = encode(f"verify: {name!r}", values[name], node.shape, node.window, node.value_range, False)[0]
        elif run is not None:
            found[name] = _held(run.spike_times(name))
        else:
            raise InputError(f"verify: neither times nor x has values for source {name!r}; give one of them")
    counts = {name: len(array) for name, array in found.items()} | {
        f"x for {name}": len(array) for name, array in values.items()
    }
    if len(set(counts.values())) != 1:
        raise InputError(f"verify: times and x have different numbers of samples ({counts}); must be equal")
    n_samples = next(iter(counts.values()))
    readout = np.concatenate([found.astype(np.float64) for found in potentials], axis=1) if potentials else None
    if readout is not None and len(readout) != n_samples:
        raise InputError(f"verify: times has {n_samples} samples, its potentials {len(readout)}; must be equal")
    for held_potentials in potentials:
        if held_potentials.dtype.kind == "f":
            unit = max(unit, float(np.finfo(held_potentials.dtype).eps) / 2)
    ids = tuple(range(n_samples))
    return Observation(n_samples, found, values=values, readout=readout, unit=unit, sample_ids=ids, external=True)


def _relayed_times(net: Network, node: Population, times: Mapping[str, Array]) -> Array:
    """What a pool passes on, (n_samples, size), of the times of another program that has none of pools."""
    (projection,) = projections_to(net, node)
    return relayed(net, node, times[projection.pre.name] + float(projection.delay), np.inf)


def _read_times(times: Any) -> Mapping[str, Any]:
    if isinstance(times, Mapping):
        return times
    if not isinstance(times, str | os.PathLike):
        raise InputError(
            f"verify: times is a {type(times).__name__}; must be a dict or the path of an .npz file, by population"
        )
    return read_arrays(times)


def _checked_times(node: Source | Population, given: Any) -> tuple[Array, float]:
    """Times (n_samples, size) with inf for silence, and half an ulp of 1 in their number type."""
    raw = _real_numbers(node, "times", given)
    unit = float(np.finfo(raw.dtype).eps) / 2 if raw.dtype.kind == "f" else 0.0
    bad = np.isnan(raw) | (raw == -np.inf)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"verify: times of {node.name!r}{list(index)} = {raw[index]}; silence is inf, or the end of the window"
        )
    assert node.window is not None
    # The end of the window as the other program has it, in its own number type.
    end = np.float64(node.window[-1]).astype(raw.dtype) if raw.dtype.kind == "f" else float(node.window[-1])
    return np.where(raw < end, raw.astype(np.float64), np.inf), unit


def _real_numbers(node: Source | Population, what: str, given: Any) -> Array:
    """An array (n_samples, size) of integers or floats, in its own type."""
    raw = plain_array(f"verify: {what} of {node.name!r}", given, InputError)
    if raw.dtype.kind not in "iuf" or raw.ndim < 2 or raw.shape[1:] not in (node.shape, (node.size,)) or not len(raw):
        raise InputError(
            f"verify: {what} of {node.name!r} have shape {raw.shape} and type {raw.dtype}; must be integers or floats "
            f"(n, {', '.join(map(str, node.shape))}) of at least one sample"
        )
    remedy = "Give times in the unit of the network." if what == "times" else NEAR
    held_in_float64("verify", f"{what} of {node.name!r}", raw, remedy, given)
    return raw.reshape(len(raw), node.size)
