"""``eventsim hardware``: put a network on a chip, simulate it there, and report what that does to its decisions."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import (
    FAILED,
    OK,
    Command,
    add_json,
    add_threads,
    collected_warnings,
    integer_from,
    number,
    positive_number,
    print_json,
    say_error,
)
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.hardware import Chip, Report
    from eventsim.network.network import Network

ENGINES = ("compiled", "reference")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim hardware``."""
    from eventsim.cli.files import DATA_HELP

    parser.add_argument("network", type=Path, metavar="NET.npz", help="spiking network, as `eventsim convert` saved it")
    parser.add_argument("data", type=Path, metavar="DATA.npy", help=DATA_HELP)
    chip = parser.add_argument_group("the chip")
    chip.add_argument(
        "--target", required=True, metavar="CHIP",
        help="a chip that comes with eventsim (`eventsim info chips` lists them), or a TOML file",
    )  # fmt: skip
    chip.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help='another value of the chip, such as "core.per_synapse=1 ns"; may be repeated',
    )  # fmt: skip
    chip.add_argument(
        "--time-unit", type=positive_number, metavar="SECONDS",
        help="how long a unit of time of the network takes (default: what the network says)",
    )  # fmt: skip
    chip.add_argument(
        "--step", type=positive_number, metavar="T",
        help="length of a step in the network's unit of time, of a chip whose steps end at a barrier (needs no unit)",
    )  # fmt: skip
    chip.add_argument(
        "--strategy",
        default="by_layer",
        help="how populations are put on cores: linear, by_layer (default), spiral, greedy, spread",
    )
    chip.add_argument(
        "--pools", choices=("receiver", "neurons"), default="receiver",
        help="where pools are: at the inputs of their receivers (default), or placed as neurons are",
    )  # fmt: skip
    chip.add_argument("--prices", metavar="CHIP", help="take the prices of another chip")
    parser.add_argument(
        "--output",
        metavar="POPULATION",
        help="the population whose first spike decides (default: the read-out decides)",
    )
    parser.add_argument(
        "--max-flips", type=number, metavar="SHARE",
        help="exit with 1 where more decisions flip than this share of them, e.g. 0.01",
    )  # fmt: skip
    parser.add_argument(
        "--until", type=number, metavar="T", help="simulate events at t < T (default: until none is left)"
    )
    parser.add_argument("--out", type=Path, metavar="RUN.npz", help="where to save the run on the chip")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="where to draw the load of cores and links; the suffix is the format",
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default="compiled", help="reference is slow and plain; both give the same bits"
    )
    parser.add_argument("--clip", action="store_true", help="clip and count values outside the coded range")
    parser.add_argument("--seed", type=integer_from(0), default=0, metavar="S", help="of all random draws (default: 0)")
    add_threads(parser)
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Place, simulate on the chip and ideally, and report."""
    import eventsim
    from eventsim import hardware
    from eventsim.cli.files import check_folder_of, read_data, save_figure
    from eventsim.cli.results import shows_progress

    for path in (options.out, options.plot):
        if path is not None:
            check_folder_of(path, options.network, options.data)
    if options.max_flips is not None and not 0 <= options.max_flips <= 1:
        raise InputError(f"hardware: --max-flips {options.max_flips:g}; must be a share, 0 to 1. Give e.g. 0.01.")
    net, x, chip = eventsim.load_network(options.network), read_data(options.data), chip_of(options)
    if options.time_unit is not None or chip.known("time.discipline") != "barrier":
        net = timed(net, options.time_unit)
    placed = chip.place(net, options.strategy, pools=options.pools, step=options.step)
    prices = None if options.prices is None else hardware.chip(options.prices)
    with collected_warnings() as warned:
        ideal, run = (
            eventsim.simulate(
                net, x, engine=options.engine, clip=options.clip, seed=options.seed, threads=options.threads,
                until=options.until, transport=transport, progress=shows_progress(options.json),
            )
            for transport in (None, placed)
        )  # fmt: skip
    report = hardware.report(run, ideal, prices=prices, output=options.output)
    if options.out is not None:
        run.save(options.out)
    if options.plot is not None:
        from eventsim import viz

        save_figure(viz.station_load(run).figure, options.plot)
    if options.max_flips is not None and report.flips is None:
        raise InputError(
            "hardware: --max-flips of a network in which nothing decides; must have a read-out of several values, or a "
            "population whose first spike decides. Give --output POPULATION."
        )
    passed = options.max_flips is None or report.flips is None or report.flips.share <= options.max_flips
    say(report, placed.placement, options, warned, passed)
    return OK if passed else FAILED


def timed(net: "Network", time_unit: float | None) -> "Network":
    """Return the network with another unit of time, where one is asked for.

    Raises
    ------
    InputError
        It has none, and none is asked for.
    """
    from eventsim.hardware import with_time_unit

    if time_unit is None:
        if net.time_unit is None:
            raise InputError(
                "hardware: the network does not say how long its unit of time is; must be known, since a chip has "
                "physical times. Give --time-unit SECONDS, e.g. 1e-6."
            )
        return net
    return with_time_unit(net, time_unit)


def chip_of(options: argparse.Namespace) -> "Chip":
    """Return the chip that is asked for, with the values of ``--set``."""
    from eventsim import hardware

    values: dict[str, Any] = {}
    for given in options.set:
        key, equals, text = given.partition("=")
        if not equals:
            raise InputError(
                f'hardware: --set {given}; must be KEY=VALUE. Write it so, such as --set "core.per_synapse=1 ns".'
            )
        try:
            values[key.strip()] = json.loads(text)
        except (ValueError, RecursionError):  # words, and numbers with a unit; lists within too many others
            values[key.strip()] = text.strip()
    chip = hardware.chip(options.target)
    return chip.replace(values) if values else chip


def say(report: "Report", placement: Any, options: argparse.Namespace, warned: list[str], passed: bool) -> None:
    """Print the report, as text or as JSON."""
    if options.json:
        saved = {key: path for key, path in (("saved", options.out), ("plot", options.plot)) if path is not None}
        print_json(report.content() | {"placement": placement.describe(), "passed": passed, "warnings": warned} | saved)
    else:
        print(f"{placement}\n\n{report}")
        if options.out is not None:
            print(f"\nsaved to {options.out}")
        if options.plot is not None:
            print(f"\nwritten: {options.plot}")
    if not passed:
        assert report.flips is not None
        say_error(
            f"{report.flips.share:.3%} of decisions flip; must be at most {options.max_flips:.3%} (--max-flips). Give "
            "the network a longer unit of time, or the chip faster stations."
        )


COMMAND = Command(
    "hardware",
    "put a network on a chip, and see whether its decisions survive",
    (
        ("eventsim hardware net.npz x_test.npy --target mesh --time-unit 1e-6", "a generic mesh, 1 us a unit of time"),
        (
            'eventsim hardware net.npz x_test.npy --target mesh --time-unit 1e-5 --set "core.per_synapse=1 ns" --json',
            "faster cores; for a program",
        ),
        (
            "eventsim hardware net.npz x_test.npy --target ours.toml --strategy greedy --max-flips 0.01",
            "a chip of your own; exit code 1 where more than 1 % of decisions flip",
        ),
        (
            "eventsim hardware net.npz x_test.npy --target mesh --time-unit 1e-6 --prices loihi --plot load.png",
            "the energy at another chip's prices; a picture of the load of cores and links",
        ),
    ),
    add_arguments,
    execute,
)
