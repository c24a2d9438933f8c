"""``eventsim verify``: event times, of a run or of another program, against closed forms and the ReLU network."""

import argparse
import warnings
from pathlib import Path
from typing import Any

from eventsim.cli.command import FAILED, OK, Command, add_json, add_threads, print_json
from eventsim.errors import PrematureSpikeWarning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim verify``."""
    from eventsim.cli.files import DATA_HELP

    parser.add_argument("network", type=Path, metavar="NET.npz", help="spiking network, as `eventsim convert` saved it")
    parser.add_argument(
        "relu", type=Path, nargs="?", metavar="RELU.npz",
        help="the ReLU network that it was made from; without it, the network is held against its own closed form",
    )  # fmt: skip
    parser.add_argument("data", type=Path, metavar="DATA.npy", help=DATA_HELP)
    given = parser.add_mutually_exclusive_group()
    given.add_argument(
        "--run", type=Path, metavar="RUN.npz",
        help="check this run (of the same network and data) instead of simulating",
    )  # fmt: skip
    given.add_argument(
        "--times", type=Path, metavar="TIMES.npz",
        help="check the spike times of another program instead of simulating: one array (n, *shape) for each "
        "population, under its name; silence is inf or the end of the window; pools and the source may be left out",
    )  # fmt: skip
    parser.add_argument(
        "--certify", action="store_true",
        help="also say whether every neuron waits for all of its inputs, and how much shorter windows could be",
    )  # fmt: skip
    add_threads(parser)
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Simulate if need be, verify, and print the report."""
    import eventsim
    from eventsim import models
    from eventsim.cli.files import network_of, read_times, read_values
    from eventsim.cli.results import shows_progress

    net = network_of(options.network, options.run)
    relu = None if options.relu is None else models.read_relu(options.relu)
    x = read_values(options.data)
    times, run = None, None
    if options.times is not None:
        times = read_times(options.times)
    elif options.run is not None:
        run = eventsim.load_run(options.run, net)
    else:
        progress = shows_progress(options.json)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrematureSpikeWarning)  # the report says where, and how far off
            run = eventsim.simulate(net, x, error_bounds=True, threads=options.threads, progress=progress)
    report = models.verify(net, relu, x, run=run, times=times)
    certificates = None
    if options.certify:
        certificates = models.certify(net, x) if run is None else models.certify(net, run=run)
    if options.json:
        content = report_content(report)
        print_json(content if certificates is None else content | {"certificates": report_content(certificates)})
    else:
        tables = [report.table(), *([report.transport_table()] if report.transport else [])]
        if certificates is not None:
            tables += [certificates.table(), *([certificates.arrived_table()] if certificates.arrived else [])]
        print("\n\n".join(map(str, tables)))
    return OK if report.ok and (certificates is None or certificates.ok) else FAILED


def report_content(report: Any) -> Any:
    """Return what `--json` says about a report or certificates."""
    import json

    content = report.to_json()
    return json.loads(content) if isinstance(content, str) else content


COMMAND = Command(
    "verify",
    "check every spike time of a network",
    (
        ("eventsim verify net.npz relu.npz x_test.npy", "simulate and check; exit code 1 if anything is wrong"),
        ("eventsim verify net.npz relu.npz x_test.npy --run run.npz", "check a run that `eventsim run --out` saved"),
        (
            "eventsim verify net.npz x_test.npy --run on_chip.npz --certify",
            "what did the chip do, and what holds on it?",
        ),
        ("eventsim verify net.npz x_test.npy --times times.npz", "check the spike times that another program computed"),
        ("eventsim verify net.npz relu.npz x_test.npy --certify", "is any neuron premature, and how close to it?"),
        ("eventsim verify net.npz relu.npz x_test.npy --json > report.json", "the report for a program"),
    ),
    add_arguments,
    execute,
)
