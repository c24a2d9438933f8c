"""A task on the compiled engine: its network, lowered, with what the task asks for, and the loop that runs it.

Relies on the machine and the loop. Used by `engine`.
"""

import weakref
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.compiled import event_loop
from eventsim.engines.compiled.alternatives import delivers_of, loop_models, perturbs_of
from eventsim.engines.compiled.fabric_tables import arbiters_of, fabric_arrays
from eventsim.engines.compiled.lists import undecided
from eventsim.engines.compiled.machine import lower
from eventsim.engines.destinations import EVERYWHERE
from eventsim.engines.tables import (
    PROBE,
    PROBE_STATE,
    Lowered,
)
from eventsim.engines.task import Task
from eventsim.faults.contract import EmissionFault
from eventsim.network.network import Network
from eventsim.network.projections import Sparse


class Prepared(NamedTuple):
    """A network, lowered, and the loop that runs it."""

    net: Network
    lowered: Lowered
    loop: Any


_LOWERED: weakref.WeakKeyDictionary[Network, tuple[Any, Lowered]] = weakref.WeakKeyDictionary()


def _lowered(net: Network, task: Task) -> Lowered:
    """A network as arrays, kept for the next call as long as the network lives."""
    cores = {} if task.options.fabric is None else task.options.fabric.fabric.cores
    split = {net.projections[lane.projection].post.name for lane in task.options.lanes if lane.core != EVERYWHERE}
    bounds, room = task.options.error_bounds, task.inputs.room()
    wanted = bounds, room, {name: np.asarray(cores[name]).tobytes() for name in split}
    key, lowered = _LOWERED.get(net, (None, None))
    if lowered is None or key != wanted:
        lowered = lower(net, bounds, room, cores)
        _LOWERED[net] = wanted, lowered
    return lowered


def prepare(task: Task, sample: int) -> Prepared:
    """Lower the network of a sample (kept for the next call) and get its loop."""
    options, acting = task.options, task.acting_of(sample)
    machine, initial = _lowered(acting, task)
    machine = machine._replace(nodes=machine.nodes.copy(), stages=_stage_numbers(task))
    if options.fabric is not None:
        machine = machine._replace(fabric=fabric_arrays(options.fabric, options.arbitration_key))
    machine.nodes.recorded = [node.name in options.recorded for node in task.net.nodes]
    if options.probes:
        first = machine.nodes.first
        chosen = [int(first[task.net.node(name).order]) + index for name, index in options.probes.items()]
        probes = np.zeros(sum(map(len, chosen)), dtype=PROBE).view(np.recarray)
        probes.neuron = np.sort(np.concatenate(chosen))
        states = initial.neuron_states.copy()
        states.probed[probes.neuron] = 1
        initial = initial._replace(neuron_states=states)
        machine = machine._replace(
            probes=probes,
            probe_states=np.zeros(len(probes), dtype=PROBE_STATE).view(np.recarray),
        )
    perturbs, delivers = perturbs_of(options.faults), delivers_of(options.faults)
    if options.faults:
        kinds = np.zeros((*options.fault_keys.shape[:2], 1), dtype=np.uint64)
        for k, fault in enumerate(options.faults):
            among = perturbs if isinstance(fault, EmissionFault) else delivers
            kinds[k] = among.index(fault.function)
        machine = machine._replace(fault_keys=np.concatenate([options.fault_keys, kinds], axis=2))
    if options.early:
        machine = machine._replace(decisions=undecided(machine.neurons.size))
    if delivers:
        machine = machine._replace(lanes=machine.lanes.copy())
        parallel = [isinstance(p.kind, Sparse) and p.kind.parallel for p in task.net.projections]
        machine.lanes.parallel = [parallel[lane.projection] for lane in options.lanes]
    for name, count in options.stop.items():
        machine.nodes.limit[task.net.node(name).order] = count
    stages = event_loop.Stages(
        models=tuple(loop_models(acting, options.error_bounds)),
        perturbs=perturbs,
        delivers=delivers,
        arbiters=arbiters_of(options.fabric),
    )
    return Prepared(acting, Lowered(machine, initial), event_loop.event_loop(stages))


def _stage_numbers(task: Task) -> Any:
    """One row of numbers a fault, (n_rows, longest), padded by 0."""
    rows = [fault.numbers() for fault in task.options.faults] or [(0.0,)]
    numbers = np.zeros((len(rows), max(map(len, rows))))
    for k, row in enumerate(rows):
        numbers[k, : len(row)] = row
    return numbers
