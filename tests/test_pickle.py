"""Every public object travels through pickle, as process pools, joblib and Dask send it, and is the same at its end.

The engine does not matter here but for the state of a run, which each keeps in a form of its own.
"""

import contextlib
import copy
import importlib
import inspect
import multiprocessing
import pickle  # noqa: TID251 - what pools of processes do is what is tested; nothing is read from a file
import pkgutil
import signal
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from adapters import assert_same_run

import eventsim
from eventsim import BudgetError, SpikeTimes, errors, fabric, faults, models, simulate
from eventsim.hardware.problems import Problem
from eventsim.models.nir.nir_graph import NodeError

REFERENCE: Any = {"engine": "reference"}


def leaky() -> tuple[eventsim.Network, SpikeTimes]:
    """Two neurons with a drive that changes, which spike on and on."""
    net = eventsim.Network(time_unit=1e-3)
    net.source(3, "input")
    net.population("lif_exp", 2, "cells", tau_mem=10.0, tau_syn=5.0, current=eventsim.Steps([0.0, 2.0], [0.5, 2.0]))
    net.connect("input", "cells", eventsim.Dense(np.ones((2, 3))), delay=0.25)
    net.connect("cells", "cells", eventsim.Sparse([0], [1], [0.5], delays=[0.5]))
    return net, SpikeTimes([[[0.5, 4.0], [1.0], []], [[], [], [2.0]]])


def mapped() -> tuple[models.ReluNetwork, np.ndarray]:
    """A ReLU network and data for it."""
    rng = np.random.default_rng(3)
    return models.read_relu({"weights": [rng.normal(size=(4, 3)), rng.normal(size=(2, 4))]}), rng.random((5, 3))


def public_classes() -> list[type]:
    """All classes that the public modules name, errors included."""
    found: dict[type, None] = {}
    for module in (eventsim, models, models.neurons, faults, fabric, fabric.arbiters, errors):
        names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
        for value in (getattr(module, name) for name in names):
            if inspect.isclass(value) and not isinstance(value, ModuleType) and value.__module__.startswith("eventsim"):
                found[value] = None
    return list(found)


def public_objects() -> list[Any]:
    """One object at least of each public class."""
    net, x = leaky()
    relu, values = mapped()
    ttfs = models.to_ttfs(relu, values)
    cells: Any = net.node("cells")
    run = simulate(net, x, until=6.0, keep_state=True, record={"cells": [0]}, **REFERENCE)
    bounded = simulate(ttfs, values, error_bounds=True, **REFERENCE)
    return [
        *(net, x, run, ttfs, relu, bounded, *net.nodes, *net.projections, cells.model),
        *(cells.model.parameters[0], cells.steps["current"]),
        *(eventsim.Dense(np.ones((2, 3))), eventsim.OneToOne(np.ones(3)), eventsim.Sparse([0], [1], [2.0])),
        *(eventsim.Conv(np.ones((2, 3, 3, 3))), eventsim.Pool(2)),
        *(eventsim.Poisson(3.0), eventsim.Regular(2.0), faults.Jitter(0.1), faults.Clock(0.5), fabric.AerBus(0.1)),
        *(faults.AlwaysOn(0.1), faults.Dead(0.1), faults.SpikeLoss(0.1), faults.Synchronised(), faults.TimeBits(4)),
        *(faults.ReadNoise(0.1), faults.SynapticFailure(0.1), faults.Leak(2.0), faults.Saturation(-1.0, 1.0)),
        *(faults.Refractory(1.0), faults.CompleteSum(), faults.FixedPoint((8, 4), (16, 8), 6)),
        *(faults.WeightQuantization(4), faults.FakeQuantization(4), faults.PowerOfTwo(4), faults.WeightNoise(0.1)),
        *(faults.StuckAt(0.1), faults.Mismatch("threshold", 0.1), faults.DelayVariation(0.1), faults.Spurious(0.1)),
        *(faults.PCM(), faults.ReRAM(), faults.CmoReRAM(), eventsim.OnceAtMost(0.5, 0.0, 1.0)),
        *(fabric.arbiters.AtRandom(), fabric.arbiters.BinaryTree(), fabric.arbiters.FirstCome()),
        *(fabric.arbiters.FixedPriority(), fabric.arbiters.RoundRobin()),
        *(fabric.Station("link", 0.5), fabric.Hop(0, core=0), fabric.AerBus(0.1).fabric(net)),
        *(models.Quantizer(0.5, 0, 0, 255), models.sensitivity(ttfs, values, run=bounded)),
        *(eventsim.Normal(1.0, 0.5, low=0.0, outside="clip"), eventsim.Lognormal(0.0, 1.0), eventsim.Exponential(2.0)),
        *(eventsim.Uniform(0.0, 1.0), eventsim.Space(extent=(1.0, 2.0), positions=np.ones((3, 2)))),
        *(eventsim.compare(run, run), eventsim.explain(ttfs, bounded, "dense1", 0)),
        *(models.verify(ttfs, relu, run=bounded), models.certify(ttfs, run=bounded)),
        models.certify(ttfs, run=bounded).table(),
        eventsim.WarmUp(1, 0, 12.5),
        models.NodeFidelity("cells", "LIF", "exact", "as it is"),
        models.GraphFidelity([models.NodeFidelity("cells", "LIF", "exact", "as it is")]),
    ]


def public_errors() -> list[errors.EventsimError]:
    """One of each kind; those of a run carry one."""
    kinds = [kind for kind in public_classes() if issubclass(kind, errors.EventsimError)]
    run, message = simulate(*leaky(), until=6.0, **REFERENCE), "where: what; must be. Do."
    return [kind(message, run) if issubclass(kind, errors.SimulationError) else kind(message) for kind in kinds]


CONTRACTS = {
    "Arbiter",
    "ArrivalFault",
    "DeviceFault",
    "EmissionFault",
    "StateFault",
    "Transport",
}  # what users derive from: none is an object


def test_every_public_class_travels() -> None:
    objects = [*public_objects(), *public_errors(), errors.PrematureSpikeWarning("2 premature spikes")]
    missing = {kind.__name__ for kind in public_classes()} - {type(one).__name__ for one in objects} - CONTRACTS
    assert not missing
    for one in objects:
        for copied in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert type(copied) is type(one)
            assert str(copied) == str(one)
            if isinstance(one, errors.SimulationError):
                assert_same_run(copied.run, one.run)


def modules() -> list[ModuleType]:
    """All modules of the package but those that need what is not installed, such as PyTorch, or that run it."""
    found = []
    for _, name, _ in pkgutil.walk_packages(eventsim.__path__, "eventsim."):
        if not name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):
                found.append(importlib.import_module(name))
    return found


# By the type that an error asks for.
GIVEN = {
    str: "what", int: signal.SIGTERM, list[int]: [0, 1], Iterable[Problem]: [Problem(("link",), "what")],
    object: "where: what", Any: None,
}  # fmt: skip


def raised() -> list[BaseException]:
    """One of each kind of error and warning that any module of the package has, private ones too."""
    found: dict[type[BaseException], BaseException] = {}
    for kind in [kind for module in modules() for kind in vars(module).values() if inspect.isclass(kind)]:
        if issubclass(kind, BaseException) and kind.__module__.startswith("eventsim"):
            wanted = inspect.signature(kind).parameters.values() if "__init__" in vars(kind) else []
            named = [one for one in wanted if one.kind is one.POSITIONAL_OR_KEYWORD]
            found[kind] = kind(*(GIVEN[one.annotation] for one in named) if named else ("where: what; must be.",))
            found[kind].add_note("a note")
    return list(found.values())


def test_every_error_of_every_module_travels() -> None:
    errors_of_all = raised()
    names = {type(one).__name__ for one in errors_of_all}
    assert names >= {"EventsimError", "NodeError", "Interrupted", "WrongUse", "StorageError", "PrematureSpikeWarning"}
    for one in errors_of_all:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            copied = pickle.loads(pickle.dumps(one, protocol))
            assert (type(copied), copied.args, str(copied)) == (type(one), one.args, str(one))
            assert vars(copied) == vars(one)
        assert vars(copy.deepcopy(one)) == vars(copy.copy(one)) == vars(one)


def test_errors_of_users_travel_whatever_they_are_made_of() -> None:
    sent = pickle.loads(pickle.dumps(OwnError(3, layer="cells")))
    assert (type(sent), str(sent), sent.layer) == (OwnError, "layer cells: 3 are lost", "cells")


class OwnError(eventsim.NetworkError):
    def __init__(self, n: int, *, layer: str) -> None:
        super().__init__(f"layer {layer}: {n} are lost")
        self.layer = layer


def test_other_picklers_of_the_field_take_them_too() -> None:
    """Dask and joblib serialise with cloudpickle what a worker is sent."""
    cloudpickle = pytest.importorskip("cloudpickle")
    for one in [*public_objects(), *public_errors()]:
        assert type(pickle.loads(cloudpickle.dumps(one))) is type(one)


def test_a_network_from_another_process_is_the_same_and_read_only() -> None:
    net, x = leaky()
    copied = pickle.loads(pickle.dumps(net))
    assert copied.hash() == net.hash()
    assert_same_run(simulate(copied, x, until=6.0, **REFERENCE), simulate(net, x, until=6.0, **REFERENCE))
    cells: Any = copied.node("cells")
    assert not cells.parameters["tau_mem"].flags.writeable
    assert not any(projection.kind.weights.flags.writeable for projection in copied.projections)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_state_goes_on_after_its_journey(engine: str) -> None:
    net, x = leaky()
    part = simulate(net, x, until=3.0, keep_state=True, engine=engine)
    whole = simulate(net, x, until=9.0, engine=engine)
    for sent in (pickle.loads(pickle.dumps(part)), copy.deepcopy(part)):
        for _ in range(2):
            assert sent._network is not None
            assert_same_run(simulate(sent._network, x, until=9.0, resume=sent, engine=engine), whole)
    assert_same_run(simulate(net, x, until=9.0, resume=part, engine=engine), whole)


def test_recordings_on_disk_are_sent_as_arrays() -> None:
    net, x = leaky()
    kept = simulate(net, x, until=6.0, record={"cells": [0, 1]}, **REFERENCE)
    spilled = simulate(net, x, until=6.0, record={"cells": [0, 1]}, memory=0, **REFERENCE)
    assert all(
        isinstance(array, np.memmap)
        for array in (spilled.records.spikes, spilled.records.traces, spilled.records.first)
    )
    data = pickle.dumps(spilled)
    del spilled  # its files are gone
    sent = pickle.loads(data)
    assert not isinstance(sent.records.spikes, np.memmap)
    assert_same_run(sent, kept)
    assert pickle.dumps(sent.records.traces) == pickle.dumps(kept.records.traces)
    assert sent.spike_times("cells").tobytes() == kept.spike_times("cells").tobytes()


# -- pools of processes ------------------------------------------------------------------------------------------------


def simulated(net: eventsim.Network, x: Any, options: dict[str, Any]) -> eventsim.Run:
    return simulate(net, x, **REFERENCE, **options)


def refuse() -> None:
    raise NodeError("n1", "LIF", "has no tau")


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_process_pool_returns_runs_and_errors_that_carry_one(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    net, x = leaky()
    whole = simulated(net, x, {"until": 6.0})
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        for memory in (1 << 20, 0):
            run = pool.submit(simulated, net, x, {"until": 6.0, "memory": memory}).result()
            assert_same_run(run, whole)
        future = pool.submit(simulated, net, x, {"until": 6.0, "max_events": 5})
        with pytest.raises(BudgetError, match="max_events = 5 reached") as caught:
            future.result()
        assert caught.value.run.counters["events"] >= 5
        with pytest.raises(NodeError, match=r"^read_nir: node 'n1' \(LIF\): has no tau$") as refused:
            pool.submit(refuse).result()
        assert refused.value.node == "n1"
        assert pool.submit(len, "the pool still works").result() == 20


def test_joblib_returns_runs_and_errors_that_carry_one() -> None:
    joblib = pytest.importorskip("joblib")
    net, x = leaky()
    options: list[dict[str, Any]] = [{"until": 6.0}, {"until": 6.0, "memory": 0}]
    for run in joblib.Parallel(2)(joblib.delayed(simulated)(net, x, one) for one in options):
        assert_same_run(run, simulated(net, x, {"until": 6.0}))
    with pytest.raises(BudgetError) as caught:
        joblib.Parallel(2)(joblib.delayed(simulated)(net, x, {"until": 6.0, "max_events": 5}) for _ in range(2))
    assert not caught.value.run.complete
