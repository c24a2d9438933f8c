"""The options of one call of `simulate`: checked, frozen, and what the provenance of its run says about them.

Relies on the network, the faults and the transport. Made by `simulate`; used by both engines.
"""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import LARGEST_SEED, flag, integer, number, shown
from eventsim.engines.destinations import Lane, lanes_of
from eventsim.engines.fabric_plan import FabricPlan, plan_fabric
from eventsim.engines.record_option import checked_record
from eventsim.errors import FaultError, InputError
from eventsim.fabric.contract import Transport
from eventsim.faults.acting import fault_keys
from eventsim.faults.contract import ArrivalFault, EmissionFault, Fault, StageFault
from eventsim.faults.text import read
from eventsim.network import order
from eventsim.network.network import Network, Population
from eventsim.randomness import stream_key

Array = np.ndarray[Any, Any]
LARGEST_COUNT = 2**53
ARBITRATION = "arbitration"  # the purpose of arbiters' draws


@dataclass(frozen=True, eq=False)
class Options:
    """What a call asks for.

    Attributes
    ----------
    until
        Events before this time are simulated; None simulates all.
    record
        "readout", "first_spikes" or "spikes".
    recorded
        Sources and populations all of whose spikes are kept.
    probes : dict of arrays (n,)
        Neurons whose membrane is recorded, by population.
    faults, transport
        The stages.
    fabric, lanes
        What the transport makes of the network, as numbers, and what packets are delivered to; without a transport
        None, and the projections.
    all_faults
        As they were given: those that act before the run, too.
    fault_keys : array (n_faults, places, 2)
        Where the faults act, with which streams of draws (`faults.acting`).
    max_events, max_time
        Budgets: events over all samples, seconds of wall time.
    stop
        Numbers of spikes that end a sample, by population.
    keep_state
        Whether the state of each sample is kept.
    memory
        Bytes that recordings may take.
    """

    until: Any
    record: str
    recorded: tuple[str, ...]
    probes: dict[str, Array]
    faults: tuple[StageFault, ...]
    all_faults: tuple[Fault, ...]
    fault_keys: Array
    transport: Transport | None
    fabric: FabricPlan | None
    lanes: tuple[Lane, ...]
    seed: int
    error_bounds: bool
    max_events: int | None
    max_time: float | None
    stop: dict[str, int]
    keep_state: bool
    memory: int

    @property
    def early(self) -> bool:
        """May a fault let a spike leave before its crossing?"""
        return any(isinstance(fault, EmissionFault) and (fault.wakes or not fault.causal) for fault in self.faults)

    @property
    def numbered(self) -> bool:
        """Does a fault ask which spike it is that arrives?"""
        return any(isinstance(fault, ArrivalFault) for fault in self.faults)

    @property
    def arbitration_key(self) -> int:
        """The stream of draws of arbiters."""
        return stream_key(self.seed, ARBITRATION)

    @property
    def logs(self) -> bool:
        """Is each hop of each packet recorded?"""
        return self.fabric is not None and self.fabric.fabric.log

    def describe(self, net: Network) -> dict[str, Any]:
        """The entries of a run's provenance that say what was asked for."""
        return {
            "seed": self.seed,
            "until": None if self.until is None else float(self.until),
            "stop": self.stop or None,
            "record": self.record if len(self.recorded) in (0, len(net.nodes)) else list(self.recorded),
            "membranes": {name: chosen.tolist() for name, chosen in self.probes.items()},
            "faults": [described(fault) for fault in self.all_faults],
            "transport": None if self.transport is None else self.transport.describe(),
            "stations": [] if self.fabric is None else [station.name for station in self.fabric.stations],
            "fabric": None if self.fabric is None else self.fabric.describe(),
            "error_bounds": self.error_bounds,
        }


def checked_options(
    net: Network, *, until: Any, record: Any, max_events: Any, max_time: Any, faults: Any, transport: Any, seed: Any,
    error_bounds: Any, stop: Any, keep_state: Any, memory: Any,
) -> Options:  # fmt: skip
    """Return the options of a call, each checked.

    Raises
    ------
    InputError, NetworkError, FaultError
        Names the option, what is allowed, and what to do.
    """
    if until is not None:
        remedy = "Events at t < until are simulated."
        until = number("simulate", "until", until, low=0, open_low=True, infinite=True, remedy=remedy)
    order.check_until(net, until)
    until = None if until == math.inf else until
    recorded = checked_record(net, record)
    none = "Leave it out for no budget."
    if max_events is not None:
        max_events = integer("simulate", "max_events", max_events, low=1, remedy=none)
    if max_time is not None:
        max_time = number("simulate", "max_time", max_time, low=0, open_low=True, infinite=True, remedy=none)
    seed = checked_seed(seed)
    memory = integer("simulate", "memory", memory, low=0, remedy="It is a number of bytes.")
    error_bounds = flag("simulate", "error_bounds", error_bounds)
    _check_bounds(net, error_bounds)
    acting = tuple(fault for fault in faults if isinstance(fault, StageFault))
    fabric = None if transport is None else plan_fabric(net, transport.fabric(net))
    return Options(
        until=until, record=recorded.level, recorded=recorded.populations, probes=recorded.probes, faults=acting,
        all_faults=tuple(faults), fault_keys=fault_keys(net, acting, seed), transport=transport, fabric=fabric,
        lanes=lanes_of(net, {}) if fabric is None else fabric.lanes, seed=seed, error_bounds=error_bounds,
        max_events=max_events, max_time=max_time, stop=_checked_stop(net, stop),
        keep_state=flag("simulate", "keep_state", keep_state), memory=memory,
    )  # fmt: skip


def _checked_stop(net: Network, stop: Any) -> dict[str, int]:
    """The numbers of spikes that end a sample, by population."""
    found: dict[str, int] = {}
    if stop is not None and not isinstance(stop, Mapping):
        raise InputError(
            f"simulate: stop = {shown(stop)}; must be a dict {{population: spikes}}, or None. Give e.g. "
            "{'output': 1}."
        )
    for name, count in (stop or {}).items():
        node = net.node(name)
        if not isinstance(node, Population) or not node.model.spiking:
            raise InputError(
                f"simulate: stop[{node.name!r}]: {node.name!r} is a source or does not spike; must be a spiking "
                "population. Name another."
            )
        found[node.name] = integer(
            "simulate", f"stop[{node.name!r}]", count, low=1, high=LARGEST_COUNT, remedy="1 is the first spike."
        )
    return found


def checked_seed(seed: Any) -> int:
    """The seed, checked."""
    return integer("simulate", "seed", seed, low=0, high=LARGEST_SEED, remedy="Equal seeds give equal draws.")


def checked_faults(faults: Any) -> tuple[Fault, ...]:
    """The faults as a tuple: values, text forms, or names of presets; one is a list of one."""
    found = tuple(read(faults, "simulate"))
    for fault in found:
        if isinstance(fault, StageFault):
            _check_stage("fault", fault, "perturb" if isinstance(fault, EmissionFault) else "deliver")
    return found


def described(fault: Fault) -> dict[str, Any]:
    """The entry of a provenance: the text form, and what tells faults of one name apart."""
    return fault.describe() | (_called(fault.function) if isinstance(fault, StageFault) else {})


def checked_transport(transport: Any, net: Network) -> Transport | None:
    """The transport as it is for this network, which faults have not changed yet."""
    if transport is None:
        return None
    if not isinstance(transport, Transport):
        raise FaultError(
            f"simulate: {shown(transport)} is no transport; must be a value of one, or None. Give e.g. "
            "eventsim.fabric.AerBus(service_time)."
        )
    return transport.on(net)


def _check_bounds(net: Network, error_bounds: bool) -> None:
    """Refuse bounds of models that have none."""
    if error_bounds:
        for population in net.populations:
            if population.model.bounded is None:
                raise InputError(
                    f"simulate: error_bounds=True, but {population.model.name} ({population.name!r}) carries no "
                    "rounding bound; available for ttfs_b1, ttfs_alpha1, linear_psp, integrator. Leave it False."
                )
        if net.exact:
            raise InputError(
                "simulate: error_bounds=True on a network of Fractions, which does not round. Leave it False."
            )


def _called(function: Any) -> dict[str, str]:
    """The entry of a provenance that tells stages of one name apart."""
    return {"function": function.__qualname__}


def _check_stage(kind: str, stage: Any, *functions: str) -> None:
    """Refuse a stage that lacks a name, a function, or numbers that are some."""
    where, name = f"simulate: {kind} {type(stage).__name__}", getattr(stage, "name", None)
    if not isinstance(name, str) or not name:
        raise FaultError(
            f"{where}: name = {shown(name)}; must be a string, by which files know it. Give the class one."
        )
    for function in functions:
        if not hasattr(getattr(stage, function, None), "__qualname__"):
            raise FaultError(
                f"{where}: {function} = {shown(getattr(stage, function, None))}; must be a scalar function. Write it "
                f"outside the class, mark it jitable, and set {function} = staticmethod(…)."
            )
    try:
        given = stage.numbers()
    except NotImplementedError:
        given = None
    good = isinstance(given, tuple | list) and all(isinstance(value, numbers.Real) for value in given)
    if not good or any(value != value for value in given):
        raise FaultError(f"{where}: numbers() = {shown(given)}; must be a tuple of numbers, () for none. Return one.")
