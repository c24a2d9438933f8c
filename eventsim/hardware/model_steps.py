"""Steps that end at a barrier, as the network sees them: its time counts steps, whatever these take on the chip.

Relies on the contract of the fabric. Used where chips are placed, and where their steps are accounted.
"""

from typing import Any

import numpy as np

from eventsim.checks import number
from eventsim.errors import InputError
from eventsim.fabric.contract import DROP, NOWHERE, Fabric, Hop, Route, Station, ends_of
from eventsim.fabric.ticks import COUNTABLE
from eventsim.hardware.chip_description import ChipDescription
from eventsim.run.packets import on_ticks

Array = np.ndarray[Any, Any]
BARRIER = "barrier"
THE_STATION = "steps"


def step_of(chip: ChipDescription, step: Any) -> float:
    """Return the length of a step, checked, of a chip that can have steps.

    Raises
    ------
    InputError
        No number above 0; a chip that loses packets, or that has an age for them: within a step, neurons would have
        received what the chip lost.
    """
    if step is None:
        raise InputError(
            f"PlacedChip: {chip.name} has steps that end at a barrier, and step is None; must be the length of a step "
            "in the network's unit of time. Give chip.place(net, step=1/64)."
        )
    losing = [key for key in chip.facts if key.endswith(".full") and chip.need(key) == DROP]
    losing += [key for key in chip.facts if key.endswith(".intake") and chip.need(key) != np.inf]
    losing += ["time.deadline"] if chip.known("time.deadline") is not None else []
    if losing:
        instead = '"stall"' if losing[0].endswith("full") else "None"
        raise InputError(
            f"PlacedChip: {chip.name} has steps that end at a barrier, and {losing[0]}; must lose no packet, since a "
            f'step takes as long as all of them need. Give chip.replace({{"{losing[0]}": {instead}}}).'
        )
    return float(number("PlacedChip", "step", step, low=0, open_low=True))


def on_steps(fabric: Fabric, step: float) -> Fabric:
    """Return the fabric as the network sees it: one station that takes no time, whose packets go on at steps.

    Spikes that need no packet need none here either.
    """
    routes: tuple[Route, ...] = tuple(
        tuple(end if end.station == NOWHERE else Hop(0, core=end.core) for end in ends_of(route))
        for route in fabric.routes
    )
    return Fabric(
        stations=(Station(THE_STATION),),
        routes=routes,
        route_of=fabric.route_of,
        cores=fabric.cores,
        tick=step,
        log=fabric.log,
    )


def steps_at(where: str, times: Array, step: float) -> Array:
    """Return the number of the step at which each of some times is: the first one that is not before it, int64.

    Raises
    ------
    InputError
        Times at which steps cannot be told apart.
    """
    if times.size and not float(times.max()) / step < COUNTABLE:
        raise InputError(
            f"{where}: a time of {float(times.max()):g} is more than 2**53 steps of {step:g}; must be fewer. Place the "
            "network with longer steps, or end the run (until)."
        )
    return np.rint(on_ticks(times, step) / step).astype(np.int64)
