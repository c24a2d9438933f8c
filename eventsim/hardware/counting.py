"""Ledgers of runs: what a run did, counted by its engine, by its fabric and in the steps of its chip.

Relies on the counters of runs, on packets and on steps. Used by reports and where a run is priced.
"""

import math
from collections.abc import Iterable

from eventsim.checks import shown
from eventsim.engines.fabric_records import SERVED
from eventsim.errors import InputError
from eventsim.hardware.ledger import Ledger
from eventsim.hardware.run_time import in_steps, seconds_a_unit
from eventsim.hardware.step_times import StepTimes, step_times
from eventsim.run.run import Run
from eventsim.run.spans import durations

# What a packet that a part of a chip has served counts as.
COUNTED_AS = {
    "link_x": "hops_x", "link_y": "hops_y", "link": "hops", "axon_out": "axon_out", "core": "axon_in",
    "input": "input_packets", "output": "output_packets",
}  # fmt: skip


def counted(run: Run, steps: StepTimes | None = None) -> Ledger:
    """Return what a run knows: synaptic operations, spikes, samples, time and, with a transport, packets.

    Synaptic operations are deliveries that were made (``counters["visited"]``), those to pools included. Spikes are
    those of populations, not of sources. Seconds are the time of all samples, each up to where it was simulated or,
    where nothing but the lack of events ended it, to the end of the last window or, where that is later, to the
    last packet of a log; on a chip whose neurons are faster than their models they are its own. They are unknown
    without such an end and without the network's `time_unit`.

    Packets, hops and messages are what stations have served, by the part of a chip that they are: packets those of
    inputs and of what leaves cores, so that copies on the way count as hops and not as packets. Where cores are
    stations, parts that no packet came to count 0; of other fabrics what no station is remains unknown.

    Updates of neurons that received something are known of a run with a transport, in real time and with its
    network at hand, whose packets reach each neuron by one synapse: one for each synaptic operation at a neuron
    that is no pool. On a tick they depend on the chip, as idle ones do, and are unknown. Reads are those of a chip,
    too. On a chip whose steps end at a barrier, `steps` has what is counted in a step: what is served, updated and
    waited for; None: it is worked out, by `hardware.step_times`.

    Raises
    ------
    InputError
        No run, steps of something else; the run ended early: its counts are those of a part.
    """
    if not isinstance(run, Run):
        raise InputError(f"counted: run is a {type(run).__name__}; must be a Run. Give what simulate returned.")
    if steps is not None and not (isinstance(steps, StepTimes) and in_steps(run)):
        raise InputError(
            f"counted: steps = {shown(steps)}; must be the StepTimes of a run whose steps end at a barrier. Leave it "
            "out, or give hardware.step_times(run)."
        )
    if not run.complete:
        raise InputError(
            "counted: run ended early; must be complete, or its energy would be that of a part. Go on with it "
            "(simulate with resume=run), and count then."
        )
    if in_steps(run):
        return _of_steps(run, steps or step_times(run))
    unit, time = seconds_a_unit(run), math.fsum(durations(run).tolist())
    return Ledger(
        synaptic_operations=run.counters["visited"],
        neuron_updates_driven=_driven_updates(run),
        spikes=run.counters["spikes"],
        samples=run.n_samples,
        seconds=None if unit is None or time == math.inf else time * unit,
        **_served(run),
    )


def _of_steps(run: Run, steps: StepTimes) -> Ledger:
    """What was counted in the steps of a run."""
    return Ledger(
        synaptic_operations=run.counters["visited"],
        neuron_updates_driven=steps.driven,
        neuron_updates_idle=steps.idle,
        spikes=run.counters["spikes"],
        barriers=steps.n_steps,
        samples=run.n_samples,
        seconds=math.fsum(steps.seconds.tolist()),
        **_counted((one.part, one.packets) for one in steps.stations),
    )


def _served(run: Run) -> dict[str, int]:
    """What the stations of a fabric count as, from how many packets each has served."""
    fabric = run.provenance.get("fabric")
    if fabric is None or run.records.stations is None:
        return {}
    served = run.records.stations[..., SERVED].sum(axis=0)
    return _counted(zip(fabric["parts"], map(int, served.tolist()), strict=True))


def _counted(served: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Packets that each part of a chip has served, as operations; where cores are stations, of all parts."""
    given = list(served)
    whole = any(part == "core" for part, _ in given)
    by_part = {part: 0 for part in (COUNTED_AS if whole else [part for part, _ in given]) if part}
    for part, n in given:
        if part:
            by_part[part] += n
    found = {name: by_part[part] for part, name in COUNTED_AS.items() if part in by_part}
    if whole:
        found["packets"] = by_part["input"] + by_part["axon_out"]
    return found


def _driven_updates(run: Run) -> int | None:
    """Updates of neurons by packets: one a synaptic operation, where no packet has two for a neuron; else None."""
    net, fabric = run._network, run.provenance.get("fabric")
    if net is None or fabric is None or fabric["tick"]:
        return None
    ends = [(one.pre.name, one.post.name) for one in net.projections if not one.post.model.relay]
    parallel = any(getattr(one.kind, "parallel", False) for one in net.projections)
    if parallel or len({*ends}) < len(ends):
        return None
    by = run.counters["by_population"]
    return sum(int(by[one.name]["visited"]) for one in net.populations if not one.model.relay)
