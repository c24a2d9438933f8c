"""A state that anybody may have written never leads a loop out of its arrays, nor round for ever.

States of networks that use every part of one (lanes of all kinds, windows, drives in pieces, clocks, refractory
periods, a bus, spikes held back) are changed entry by entry, get a digest that fits, and are gone on with. The loop
runs as plain Python here, where an index out of its array raises.
"""

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapters import state_of

import eventsim
from eventsim import BudgetError, SpikeTimes, simulate
from eventsim.engines.sample_state import SampleState
from eventsim.errors import EventsimError, FileFormatError, InputError, SimulationError
from eventsim.fabric import AerBus
from eventsim.faults import Clock
from eventsim.files.archive import read_archive, write_archive

Options = dict[str, Any]


def delayed() -> tuple[eventsim.Network, Any, Options]:
    """Synapses with delays of their own, of a source and of a population, and refractory neurons."""
    net = eventsim.Network()
    net.source(3, "input")
    net.population("lif_delta", 4, "cells", tau_mem=10.0, t_ref=0.3)
    net.connect("input", "cells", eventsim.Sparse([0, 1, 2, 2], [0, 1, 2, 3], [2.0] * 4, delays=[0.5, 0.75, 1.0, 2.5]))
    ring = eventsim.Sparse([0, 1, 2, 3, 0], [1, 2, 3, 0, 2], [2.0] * 5, delays=[1.5, 1.25, 0.75, 1.0, 4.0])
    net.connect("cells", "cells", ring)
    net.connect("cells", "cells", eventsim.Dense(np.full((4, 4), 0.1)), delay=0.6)
    return net, SpikeTimes([[[0.5, 3.0], [1.0], [2.0, 2.5]]]), {"until": 3.2}


def windowed() -> tuple[eventsim.Network, Any, Options]:
    """Windows, stored crossings of dense and convolutional cohorts, a read-out, and spikes that wait for a tick."""
    rng = np.random.default_rng(1)
    net = eventsim.Network()
    net.source((1, 4, 4), "input")
    net.population("ttfs_b1", (2, 3, 3), "conv", (0.0, 1.0, 3.0), threshold=rng.uniform(0.4, 1.6, 18))
    net.population("ttfs_b1", 5, "dense", (1.0, 3.0, 6.0), threshold=rng.uniform(0.5, 3.0, 5))
    net.population("integrator", 2, "output", (3.0, 6.0, np.inf))
    net.connect("input", "conv", eventsim.Conv(rng.normal(0.2, 0.3, (2, 1, 2, 2))))
    net.connect("conv", "dense", eventsim.Dense(rng.normal(0.1, 0.3, (5, 18))))
    net.connect("dense", "output", eventsim.Dense(rng.normal(size=(2, 5))))
    return net, rng.random((1, 16)), {"until": 1.45, "faults": [Clock(0.25)]}


def clocked() -> tuple[eventsim.Network, Any, Options]:
    """Clocks of two ranks, of which one is due, a drive in pieces, a bus."""
    net = eventsim.Network()
    net.source(2, "input")
    net.population("if_delta", 3, "driven", current=eventsim.Steps([0.0, 1.0, 2.5], [0.5, 2.0, 0.1]))
    net.population("lif_clocked", 3, "ticking", decay=0.9, period=0.5)
    net.population("lif_clocked", 2, "behind", decay=0.9, period=0.25)
    net.connect("input", "driven", eventsim.Dense(np.full((3, 2), 0.6)))
    net.connect("driven", "ticking", eventsim.OneToOne([1.5, 1.5, 1.5]))
    net.connect("ticking", "behind", eventsim.Dense(np.full((2, 3), 2.0)))
    return (
        net,
        SpikeTimes([[[0.5, 1.5], [1.0]]]),
        {"until": 6.0, "transport": AerBus(0.125), "record": {"driven": [1]}, "max_events": 40},
    )


NETWORKS = {"delayed": delayed, "windowed": windowed, "clocked": clocked}


def part(net: eventsim.Network, x: Any, options: Options) -> eventsim.Run:
    """The beginning of a run, with its state."""
    try:
        return simulate(net, x, keep_state=True, **options)
    except BudgetError as error:
        return error.run


EDGES = (-1, 0, 1, 2, 3, 5, 17, 100, 2**31 - 1, 2**31, 2**40, 2**62, 2**62 + 1, 2**63 - 1, -(2**63), 10**6)
TIMES = (0.0, -0.0, -1.0, 0.1, 2.0, 1e9, 1e300, np.inf, -np.inf, np.nan, 5e-324)


def changed(arrays: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """A copy with one entry that is another, or an entry more, or one less, or two that have changed places."""
    state = {name: array.copy() for name, array in arrays.items()}
    name = str(rng.choice([name for name, array in state.items() if array.size]))
    array = state[name]
    place = int(rng.integers(array.size))
    what = rng.random()
    if what < 0.1:
        state[name] = np.delete(array, place)
    elif what < 0.2:
        state[name] = np.append(array, array[place])
    elif what < 0.3:
        array[[place, -1]] = array[[-1, place]]
    else:
        column = array if array.dtype.names is None else array[str(rng.choice(array.dtype.names))]
        values = TIMES if column.dtype.kind == "f" else EDGES
        value = np.array(values[int(rng.integers(len(values)))])
        with np.errstate(all="ignore"):
            column[place] = value.astype(column.dtype) if rng.random() < 0.7 else column[place] + np.sign(value)
    return state


def try_states(network: str, engine: str, tries: int, folder: Path) -> dict[str, int]:
    """What became of so many changed states; an index out of its array raises, and so does a walk without end."""
    net, x, options = NETWORKS[network]()
    run = part(net, x, options)
    whole = state_of(run, 0)
    rng = np.random.default_rng(7)
    found = {"refused": 0, "ran": 0}
    for _ in range(tries):
        assert run.records.state is not None
        run.records.state.samples[0] = SampleState(**changed(whole.arrays(), rng))
        try:
            run.save(folder / "run.npz")  # with a digest that fits
            damaged = eventsim.load_run(folder / "run.npz", net)
            simulate(net, x, engine=engine, **options | {"until": 6.0, "resume": damaged, "max_events": 3000})
        except (FileFormatError, InputError):
            found["refused"] += 1
        except SimulationError:
            found["ran"] += 1
        else:
            found["ran"] += 1
    return found


WRONG: tuple[Any, ...] = (None, -1, 0, 1, 2**70, 10**400, "x", [], {}, [0], {"a": 1}, True, 1.5, 1e300, [-1], [5, 5])


def entries(content: Any) -> list[tuple[Any, Any]]:
    """Every place in nested dicts and lists: what holds it, and its key."""
    if not isinstance(content, dict | list):
        return []
    keys = list(content) if isinstance(content, dict) else range(len(content))
    return [place for key in keys for place in [(content, key), *entries(content[key])]]


def try_files(network: str, tries: int, folder: Path) -> dict[str, int]:
    """What became of runs whose file has another header, or other records, beside a state that is right."""
    net, x, options = NETWORKS[network]()
    part(net, x, options).save(folder / "whole.npz")
    whole, records = read_archive(folder / "whole.npz", "eventsim-run", 1)
    rng = np.random.default_rng(3)
    found = {"refused": 0, "ran": 0}
    for _ in range(tries):
        header, arrays = copy.deepcopy(whole), {name: array.copy() for name, array in records.items()}
        if rng.random() < 0.6:
            places = [(holder, key) for holder, key in entries(header) if key not in ("format", "version")]
            holder, key = places[int(rng.integers(len(places)))]
            holder[key] = WRONG[int(rng.integers(len(WRONG)))]
        else:
            name = str(rng.choice([name for name in arrays if not name.startswith("state0") and arrays[name].size]))
            arrays[name] = changed({name: arrays[name].reshape(-1)}, rng)[name]
            if arrays[name].size == records[name].size:
                arrays[name] = arrays[name].reshape(records[name].shape)
        try:
            write_archive(folder / "run.npz", header, arrays)
            damaged = eventsim.load_run(folder / "run.npz", net)
            simulate(net, x, **options | {"until": 6.0, "resume": damaged, "max_events": 3000})
        except SimulationError:
            found["ran"] += 1
        except EventsimError:
            found["refused"] += 1
        else:
            found["ran"] += 1
    return found


# Entries that must be refused, whatever else is right: lanes, ticks, times, counts.
REFUSED = [
    ("delayed", "travel_place", 0, 4),
    ("delayed", "travel_place", 0, -1),
    ("delayed", "travel_neuron", 0, 4),
    ("delayed", "travel_lane", 0, 2),
    ("delayed", "travel_sent", 0, 0.0),  # would have arrived long ago
    ("delayed", "packet_lane", 0, 0),
    ("delayed", "packet_t", 0, 0.5),
    ("delayed", "since", 3, 9.0),
    ("delayed", "stimulus", 0, 1),
    ("windowed", "done", 17, 2),
    ("windowed", "counts", 8, -5),
    ("windowed", "since", 17, 0.9 - 1.0),
    ("windowed", "ticks", 1, 1),
    ("windowed", "pending_neuron", 0, 3),
    ("windowed", "pending_t", 0, 0.5),
    ("clocked", "ticks", 2, 10**17),
    ("clocked", "ticks", 2, 1),
    ("clocked", "ticks", 3, 3),
    ("clocked", "micro", 0, -1),
    ("clocked", "now", 0, np.nan),
    ("clocked", "stimulus", 0, 99),
    ("clocked", "noted", 0, 3),
]


def try_refused() -> list[Any]:
    """Those of `REFUSED` that are not."""
    let_in = []
    for network, made in NETWORKS.items():
        net, x, options = made()
        run = part(net, x, options)
        whole = state_of(run, 0)
        for case in REFUSED:
            if case[0] != network:
                continue
            _, name, place, value = case
            state = {key: array.copy() for key, array in whole.arrays().items()}
            state[name][place] = value
            assert run.records.state is not None
            run.records.state.samples[0] = SampleState(**state)
            try:
                simulate(net, x, **options | {"until": 6.0, "resume": run, "max_events": 3000})
            except InputError:
                continue
            except SimulationError:
                pass
            let_in.append(case)
    return let_in


def interpreted(call: str) -> str:
    """What a call of this file's functions returns in a process whose loops are plain Python."""
    program = (
        f"import sys, faulthandler; from pathlib import Path; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "faulthandler.dump_traceback_later(300, exit=True)\n"
        f"from test_damaged_states import *\nprint({call})\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_entries_that_no_state_has_are_refused() -> None:
    assert interpreted("try_refused()") == "[]"


@pytest.mark.parametrize("network", NETWORKS)
def test_changed_files_beside_a_state_are_refused_or_run(network: str, tmp_path: Path) -> None:
    refused, ran = map(int, interpreted(f"*try_files({network!r}, 120, Path({str(tmp_path)!r})).values()").split())
    assert refused > 40
    assert ran > 10


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("network", NETWORKS)
def test_changed_states_with_fitting_digests_are_refused_or_run(network: str, engine: str, tmp_path: Path) -> None:
    call = f"*try_states({network!r}, {engine!r}, 150, Path({str(tmp_path)!r})).values()"
    refused, ran = map(int, interpreted(call).split())
    assert refused > 40
    assert ran > 20
