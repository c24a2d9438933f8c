"""`warm_up`: make ready what a run will need, before somebody waits for it.

Relies on `simulate`, whose checks it shares, and on the compiled engine. A loop is made ready by calling it on no
sample at all, so that what is compiled is what a run would compile.
"""

import dataclasses
import inspect
import math
import time
from typing import Any, NamedTuple

import numpy as np

from eventsim._jit import compile_report
from eventsim.engines.devices import Devices
from eventsim.engines.options import checked_faults, checked_options, checked_seed, checked_transport
from eventsim.errors import InputError, listed, nearest
from eventsim.faults.making import with_brought
from eventsim.network.network import Network
from eventsim.network.sources import SpikeTimes
from eventsim.progress import Progress
from eventsim.simulate import checked_engine, checked_inputs, checked_network, checked_task, simulate

FIRST_MOMENT = math.nextafter(0.0, 1.0)  # generators are asked for the spikes before it, of which there are few
# The options of `simulate` that say what a run does, and not which samples there are, with their defaults.
OPTIONS = {
    name: inspect.signature(simulate).parameters[name].default
    for name in inspect.signature(checked_options).parameters
    if name != "net"
}


class WarmUp(NamedTuple):
    """What `warm_up` did.

    Attributes
    ----------
    compiled
        How many loops were compiled; a later process finds them on disk.
    loaded
        How many were found on disk.
    seconds
        How long it took.
    """

    compiled: int
    loaded: int
    seconds: float


def warm_up(net: Network, engine: str = "compiled", progress: bool | None = None, **options: Any) -> WarmUp:
    """Compile, or load from disk, all that `simulate` needs for a network with these options, and run nothing.

    What was ready before is not counted: a second call gives zeros. The reference engine has no loop.

    Parameters
    ----------
    net
        The network; it is frozen.
    engine, progress
        As for `simulate`.
    **options
        Those of `simulate` that say what a run does: `faults`, `transport`, `error_bounds`, `record`, `stop`, … `until`
        may be left out.

    Raises
    ------
    InputError, NetworkError, FaultError
        What `simulate` refuses, and options that it does not have.
    """
    started, before = time.perf_counter(), compile_report()
    compiled, ready = before.loops, before.ready_loops
    for name in options:
        if name not in OPTIONS:
            known = ("engine", "progress", *OPTIONS)
            raise InputError(
                f"warm_up: {name} is no option of it{nearest(name, known)}; must be one of {listed(known)}. Leave out "
                "what says which samples are simulated."
            )
    with Progress(progress, "warm_up"):
        engine, _ = checked_engine(engine, None)
        asked = OPTIONS | {"until": FIRST_MOMENT} | options
        net = checked_network(net)
        asked["transport"] = checked_transport(asked["transport"], net)
        asked["faults"] = with_brought(checked_faults(asked["faults"]), net)
        devices = Devices(net, asked["faults"], checked_seed(asked["seed"]))
        net = devices.first
        silence = {
            source.name: SpikeTimes(np.full((1, source.size), math.inf))
            for source in net.sources
            if source.generator is None
        }
        checked = checked_options(net, **asked)
        first = dataclasses.replace(checked, until=FIRST_MOMENT)
        task = checked_task(devices, checked_inputs(net, silence, first, None, False, None), checked, engine)
        stimulus = task.inputs.batch(0, 1)
        if engine == "compiled":
            from eventsim.engines.compiled.engine import Worker
            from eventsim.engines.compiled.preparing import prepare

            Worker(task, prepare(task, 0)).make_ready(stimulus)
    after = compile_report()
    made = after.loops - compiled
    return WarmUp(made, after.ready_loops - ready - made, time.perf_counter() - started)
