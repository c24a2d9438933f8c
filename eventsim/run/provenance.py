"""What a result must say about its origin: versions, source fingerprint, seed, network hash, engine, stages.

Relies on installed package metadata. Used by `simulate`; saved with every run, and read again where what a stage of the
run did is worked out a second time.
"""

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from eventsim._jit import INTERPRETED, fingerprint
from eventsim.engines.task import Task
from eventsim.errors import InputError
from eventsim.faults.contract import Fault
from eventsim.faults.making import manufacture
from eventsim.kinds import load_announced, loaded_kinds, with_tuples
from eventsim.network.network import Network

FUNCTIONS = ("perturb", "deliver", "carry")


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, eventsim and the packages that its numbers depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("eventsim", "numpy", "numba", "sortedcontainers"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def provenance(task: Task, engine: str, seconds: float, compiling: float) -> dict[str, Any]:
    """Return the provenance of a run whose samples took `seconds` of wall time, after `compiling` its loop."""
    functions = [f for population in task.net.populations for f in population.model.dynamics.functions]
    return {
        "versions": dict(versions()),
        "source_fingerprint": f"{fingerprint(*functions):016x}",
        "engine": engine,
        "interpreted": INTERPRETED or engine == "reference",
        "sample_ids": task.inputs.sample_ids.tolist(),
        "network_hash": (task.devices.given if task.devices.several else task.net).hash(),
        **({"made_from": task.devices.given.hash()} if task.devices.made else {}),
        **({"earlier_networks": task.earlier_networks} if task.earlier_networks else {}),
        "sources": [source.name for source in task.net.sources],
        "time_unit": task.net.time_unit,
        "decision": task.net.provenance.get("decision"),
        **task.options.describe(task.net),
        "seconds": max(0.0, seconds),
        "compile_seconds": compiling,
    }


def stage_described(where: str, base: type, key: str, description: Mapping[str, Any]) -> Any:
    """Return the fault or transport, a value of a subclass of `base`, that a provenance describes.

    Raises
    ------
    InputError
        A stage whose class is not loaded, as one of the user's own.
    """
    load_announced(description[key])
    given = description.items()
    settings = {name: with_tuples(value) for name, value in given if name not in (key, "acts", "function")}
    for kind in reversed(loaded_kinds(base)):  # of a class that was defined twice, the later one
        if getattr(kind, "name", None) == description[key] and description.get("function") in (None, *_called(kind)):
            try:
                return kind(**settings)
            except TypeError as problem:
                raise InputError(
                    f"{where}: the run has {key} {description[key]!r}, whose class does not take what describe() gave "
                    f"({problem}); must be its arguments, since what it did is worked out again. Change describe()."
                ) from None
    raise InputError(
        f"{where}: the run has {key} {description[key]!r}, which is not loaded; import the module that defines it, "
        "since what it did is worked out again"
    )


def simulated(provenance: Mapping[str, Any], net: Network, row: int = 0) -> Network:
    """Return the network that a sample of a run was simulated on: `net`, or the device that faults made of it."""
    if provenance.get("made_from") != net.hash():
        return net
    faults = [stage_described("run", Fault, "fault", entry) for entry in provenance["faults"]]
    return manufacture(net, faults, int(provenance["seed"]), int(provenance["sample_ids"][row]))


def _called(kind: type) -> list[str]:
    """What the functions of a stage are called: two classes may have one name."""
    return [getattr(getattr(kind, name, None), "__qualname__", "") for name in FUNCTIONS]
