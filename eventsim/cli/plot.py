"""``eventsim plot``: a picture of a saved run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import OK, Command, integer_from
from eventsim.errors import InputError, listed

if TYPE_CHECKING:
    from eventsim.network.network import Network
    from eventsim.run.run import Run

ON_CHIP = ("timeline", "load", "waits", "deliveries", "path")
KINDS = ("raster", "rates", "histogram", "membrane", "verification", "windows", *ON_CHIP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim plot``."""
    parser.add_argument("run", type=Path, metavar="RUN.npz", help="a run, as `eventsim run --out` saved it")
    parser.add_argument(
        "--kind", choices=KINDS, default="raster",
        help="raster, rates and membrane show one sample, the others all samples (default: raster). Of a run on a "
        "chip: timeline, deliveries and path (of one spike) show one sample, load and waits all",
    )  # fmt: skip
    parser.add_argument("--sample", type=integer_from(0), default=0, metavar="K", help="which sample (default: 0)")
    parser.add_argument(
        "--population", action="append", metavar="NAME",
        help="draw this layer only; may be repeated (default: all; needed for membrane and path)",
    )  # fmt: skip
    parser.add_argument(
        "--neurons", type=indices, metavar="I,J,…",
        help="membrane: which recorded neurons (default: all that were recorded); path: which neuron",
    )  # fmt: skip
    parser.add_argument(
        "--network", type=Path, metavar="NET.npz",
        help="membrane: the network, for V(t) between the events; verification and windows: what to check the run "
        "with. Needed for a run on a chip, whose stations are made once more",
    )  # fmt: skip
    parser.add_argument(
        "--relu", type=Path, metavar="RELU.npz",
        help="verification: the ReLU network as well (default: the closed form of the network alone)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FILE.png", help="where to write; the suffix is the format (default: KIND.png)"
    )


def indices(text: str) -> list[int]:
    """Argparse type: neuron numbers separated by commas."""
    return [integer_from(0)(part) for part in text.split(",")]


def execute(options: argparse.Namespace) -> int:
    """Load the run, draw, save."""
    import eventsim
    from eventsim.cli.files import check_folder_of, network_of, save_figure

    out = options.out or Path(f"{options.kind}.png")
    check_folder_of(out, options.run, options.network, options.relu)
    net = None if options.network is None else network_of(options.network, options.run)
    run = eventsim.load_run(options.run, net)
    save_figure(figure(run, net, options), out)
    print(f"written: {out}")
    return OK


def figure(run: "Run", net: "Network | None", options: argparse.Namespace) -> Any:
    """Return the figure that the options ask for."""
    from eventsim import viz

    if options.kind == "raster":
        return viz.raster(run, options.sample, populations=options.population).figure
    if options.kind == "rates":
        return viz.rates(run, options.sample, populations=options.population).figure
    if options.kind == "histogram":
        return viz.spike_histogram(run, populations=options.population)[0].figure
    if options.kind == "verification":
        return _verification(run, net, options)
    if options.kind == "windows":
        return _windows(run, net, options)
    if options.kind in ON_CHIP:
        return _on_chip(run, net, options)
    return _membrane(run, options)


def _verification(run: "Run", net: "Network | None", options: argparse.Namespace) -> Any:
    from eventsim import models, viz

    if net is None:
        raise InputError(
            "plot: --kind verification needs --network NET.npz, whose closed form says when each spike is due"
        )
    report = models.verify(net, options.relu, run=run)
    return viz.verification(report, populations=options.population)[0, 0].figure


def _windows(run: "Run", net: "Network | None", options: argparse.Namespace) -> Any:
    from eventsim import models, viz

    if net is None:
        raise InputError(
            "plot: --kind windows needs --network NET.npz, whose thresholds say how long its windows have to be"
        )
    certificates = models.certify(net, run=run)
    return viz.safe_windows(certificates, populations=options.population)[0].figure


def _on_chip(run: "Run", net: "Network | None", options: argparse.Namespace) -> Any:
    from eventsim import viz

    if net is None:
        raise InputError(
            f"plot: --kind {options.kind} needs --network NET.npz, of which the stations of the chip are made once more"
        )
    if options.kind == "timeline":
        return viz.timeline(run, options.sample, populations=options.population).figure
    if options.kind == "load":
        return viz.station_load(run).figure
    if options.kind == "waits":
        return viz.waiting_histogram(run)[0].figure
    if options.kind == "deliveries":
        return viz.delivered_raster(run, options.sample, populations=options.population).figure
    names, neurons = options.population or [], options.neurons or []
    if len(names) != 1 or len(neurons) != 1:
        raise InputError(
            f"plot: --kind path of {len(names)} populations and {len(neurons)} neurons; must be one of each, since it "
            "draws the way of one spike. Give --population NAME --neurons I."
        )
    return viz.packet_path(run, options.sample, names[0], neurons[0]).figure


def _membrane(run: "Run", options: argparse.Namespace) -> Any:
    from eventsim import viz

    recorded = {name: run.recorded(name) for name in run.populations}
    recorded = {name: neurons for name, neurons in recorded.items() if neurons}
    names = options.population or list(recorded)
    if options.network is None:
        raise InputError(
            "plot: --kind membrane needs --network NET.npz, since a run's file holds the events only and the network "
            "says how V moves between them"
        )
    if len(names) != 1:
        raise InputError(
            f"plot: --kind membrane draws one layer; recorded are {listed(recorded) or 'none'}; choose with "
            "--population, record with `eventsim run --record NAME:0,1,2`"
        )
    neurons = options.neurons or recorded.get(names[0], [])
    return viz.membrane(run, names[0], neurons, options.sample).figure


COMMAND = Command(
    "plot",
    "draw a picture of a saved run",
    (
        ("eventsim plot run.npz --out raster.png", "who fired when in sample 0"),
        ("eventsim plot run.npz --kind histogram --out histogram.pdf", "when the neurons of each layer fire"),
        (
            "eventsim plot run.npz --kind membrane --network net.npz --population dense1 --neurons 3,14",
            "potentials of neurons that `eventsim run --record dense1:3,14` recorded",
        ),
        (
            "eventsim plot run.npz --kind verification --network net.npz --relu relu.npz",
            "observed against expected spike times, and their differences in units of the error bounds",
        ),
        (
            "eventsim plot run.npz --kind windows --network net.npz",
            "how much window each neuron needs to wait for all of its inputs",
        ),
        (
            "eventsim plot on_chip.npz --kind timeline --network net.npz",
            "of a run that `eventsim hardware --out` saved: which inputs came after their windows",
        ),
        (
            "eventsim plot on_chip.npz --kind path --network net.npz --population dense1 --neurons 17",
            "where the spike of a neuron waited on its way, and for whom",
        ),
    ),
    add_arguments,
    execute,
)
