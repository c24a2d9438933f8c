"""The gold set in other simulators: which of its cases they can express, and which of these they get right.

Runs those of NEST, NEURON and Arbor that are installed (``pip install nest-simulator neuron arbor``), writes a file of
results for each, as any simulator's own tests could, and prints what `eventsim goldset check` says of it.
`docs/explanation/comparison.md` has the table, and the rule of each simulator that explains what fails.
"""

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import goldset_arbor
import goldset_nest
import goldset_neuron

from eventsim.cli.goldset import report_text
from eventsim.models.goldset import Case, Report, Results, cases, check, read_results, save_results

TIGHT = 1e-12  # of IntFire4, instead of its own eps
Spikes = list[tuple[str, int, float]]


class Peer(NamedTuple):
    """A simulator: the package that it is in, its name, why it cannot express a case, its spikes."""

    package: str
    name: Callable[[], str]
    reason_against: Callable[[Case], str | None]
    simulate: Callable[[Case], Spikes]


PEERS = {
    "nest": Peer("nest", lambda: goldset_nest.name(False), goldset_nest.reason_against, goldset_nest.simulate),
    "nest_lossless": Peer(
        "nest", lambda: goldset_nest.name(True), lambda case: goldset_nest.reason_against(case, lossless=True),
        lambda case: goldset_nest.simulate(case, lossless=True),
    ),
    "neuron": Peer("neuron", goldset_neuron.name, goldset_neuron.reason_against, goldset_neuron.simulate),
    "neuron_eps": Peer(
        "neuron", lambda: goldset_neuron.name(TIGHT), goldset_neuron.reason_against,
        lambda case: goldset_neuron.simulate(case, TIGHT),
    ),
    "arbor": Peer("arbor", goldset_arbor.name, goldset_arbor.reason_against, goldset_arbor.simulate),
}  # fmt: skip


def installed() -> list[str]:
    """The peers that can be imported here."""
    return [name for name, peer in PEERS.items() if importlib.util.find_spec(peer.package) is not None]


def results_of(peer: Peer) -> Results:
    """What a peer makes of the cases that it can express."""
    reasons = {case.name: peer.reason_against(case) for case in cases()}
    spikes: dict[str, Spikes] = {case.name: peer.simulate(case) for case in cases() if reasons[case.name] is None}
    return Results(peer.name(), dict(spikes), {}, {name: reason for name, reason in reasons.items() if reason})


def held(name: str, folder: Path, tolerance: float = 0.0) -> Report:
    """Simulate, write a file of results, and hold that against the exact answers."""
    path = folder / f"goldset_{name}.json"
    save_results(results_of(PEERS[name]), path)
    return check(read_results(path), tolerance)


def main() -> None:
    """Write results and print the reports of all peers that are installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the files of results")
    parser.add_argument("--tolerance", type=float, default=0.0, help="as of `eventsim goldset check`")
    options = parser.parse_args()
    for name in installed():
        report = held(name, options.out, options.tolerance)
        print(report_text(report), end="\n\n")


if __name__ == "__main__":
    main()
