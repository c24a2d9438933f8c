"""``eventsim run``: simulate a network on data, and count what happened."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import (
    FAILED,
    OK,
    SIGNALLED,
    Command,
    add_json,
    add_threads,
    collected_warnings,
    integer_from,
    number,
    positive_number,
    print_json,
)
from eventsim.engines.interruption import asked
from eventsim.errors import InputError, SimulationError

if TYPE_CHECKING:
    from eventsim.network.network import Network

ENGINES = ("compiled", "reference")
LEVELS = ("readout", "first_spikes", "spikes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim run``."""
    from eventsim.cli.files import DATA_HELP

    parser.add_argument("network", type=Path, metavar="NET.npz", help="spiking network, as `eventsim convert` saved it")
    parser.add_argument(
        "data", type=Path, nargs="?", metavar="DATA.npy", help=f"{DATA_HELP}; none where all sources are generators"
    )
    parser.add_argument("--out", type=Path, metavar="RUN.npz", help="where to save the run")
    parser.add_argument(
        "--record", action="append", metavar="WHAT",
        help="readout, first_spikes or spikes (default); POPULATION for all spikes of this population alone, or "
        "POPULATION:0,1,2 for the spikes and the membrane potential of these neurons, which may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--until", type=number, metavar="T", help="simulate events at t < T (default: until none is left)"
    )
    parser.add_argument(
        "--trials", type=integer_from(1), metavar="N",
        help="simulate the one sample of DATA, or none, N times, each time with draws of its own",
    )  # fmt: skip
    parser.add_argument(
        "--engine", choices=ENGINES, default="compiled", help="reference is slow and plain; both give the same bits"
    )
    parser.add_argument("--clip", action="store_true", help="clip and count values outside the coded range")
    parser.add_argument("--seed", type=integer_from(0), default=0, metavar="S", help="of all random draws (default: 0)")
    parser.add_argument("--error-bounds", action="store_true", help="bound the rounding error of every spike time")
    add_threads(parser)
    stages = parser.add_argument_group("what hardware does (in units of time; 0 changes nothing)")
    stages.add_argument("--jitter", type=number, metavar="SIGMA", help="Gaussian jitter on every spike time")
    stages.add_argument("--clock", type=number, metavar="PERIOD", help="spikes leave at the next tick of a clock")
    stages.add_argument(
        "--fault", action="append", default=[], metavar="FAULT",
        help="a fault or preset with its settings, such as spike_loss:probability=0.01, or a file of them (.toml, "
        ".json); may be repeated; `eventsim info faults` lists them",
    )  # fmt: skip
    stages.add_argument("--bus", type=number, metavar="SERVICE_TIME", help="spikes share one bus, one after the other")
    budgets = parser.add_argument_group("budgets (what was done until then is kept)")
    budgets.add_argument("--max-events", type=integer_from(1), metavar="N", help="stop after N events in all")
    budgets.add_argument("--max-time", type=positive_number, metavar="SECONDS", help="stop after so many seconds")
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Simulate, save, and print what was counted; so is a run that ended early, by a budget or a signal."""
    import eventsim
    from eventsim.cli.files import check_folder_of, read_data
    from eventsim.cli.results import shows_progress

    if options.out is not None:
        check_folder_of(options.out, options.network, options.data)
    net = eventsim.load_network(options.network)
    x = None if options.data is None else read_data(options.data)
    stages = stages_of(options)
    problem = None
    try:
        with collected_warnings() as warned:
            run = eventsim.simulate(
                net,
                x,
                engine=options.engine,
                record=recorded(options.record, options.network),
                until=options.until,
                clip=options.clip,
                max_events=options.max_events,
                max_time=options.max_time,
                seed=options.seed,
                trials=options.trials,
                threads=options.threads,
                error_bounds=options.error_bounds,
                progress=shows_progress(options.json),
                **stages,
            )
    except SimulationError as error:
        if error.run is None:
            raise
        problem, run = error, error.run
    if options.out is not None:
        run.save(options.out)
    report(run, net, options, problem, warned)
    if (signal := asked()) is not None:
        return SIGNALLED + signal
    return OK if problem is None else FAILED


def stages_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the faults and the transport that were asked for, as arguments of `simulate`."""
    from eventsim.fabric import AerBus
    from eventsim.faults import Clock, Jitter
    from eventsim.faults.text import from_file, read

    faults: list[Any] = []
    if options.jitter is not None:
        faults.append(Jitter(options.jitter))
    if options.clock is not None:
        faults.append(Clock(options.clock))
    for word in options.fault:
        faults += from_file(word) if Path(word).suffix in (".toml", ".json") else read(word)
    return {"faults": faults, "transport": None if options.bus is None else AerBus(options.bus)}


def recorded(words: list[str] | None, where: Path) -> Any:
    """Return what ``--record`` asks for: a level, or a dict of neurons by population."""
    levels = [word for word in words or ["spikes"] if ":" not in word]
    probes = [word for word in words or [] if ":" in word]
    if words and not probes and not set(words) & set(LEVELS):
        return words
    if len(levels) > 1 or (probes and levels not in ([], ["spikes"])):
        raise InputError(
            f"run: --record {' --record '.join(words or [])}; must be one of {', '.join(LEVELS)}, or "
            "populations, or neurons of populations, which come with spikes"
        )
    if not probes:
        return levels[0]
    chosen: dict[str, list[int]] = {}
    for word in probes:
        name, _, text = word.rpartition(":")
        try:
            chosen.setdefault(name, []).extend(int(part) for part in text.split(","))
        except ValueError:
            raise InputError(
                f"run: --record {word!r}; must be POPULATION:0,1,2 with neuron numbers of a population of {where}"
            ) from None
    return chosen


def report(
    run: Any, net: "Network", options: argparse.Namespace, problem: SimulationError | None, warned: list[str]
) -> None:
    """Print the counters of a run, as text or as JSON."""
    from eventsim.cli.command import say_error
    from eventsim.cli.layout import pairs, plural
    from eventsim.cli.results import network_summary, run_content, run_facts, run_table

    # The last sentence of the message tells Python programs where the run is; here it has just been printed.
    reason = None if problem is None else str(problem).removesuffix(" The partial run is in error.run.")
    if options.json:
        saved = {} if options.out is None else {"saved": options.out}
        print_json(run_content(run) | {"error": reason, "warnings": warned} | saved)
    else:
        print(f"{options.network}: {network_summary(net)}")
        print(f"{plural(run.n_samples, 'sample')}, {options.engine} engine\n")
        print(run_table(run))
        print(f"\n{pairs(run_facts(run))}")
        if options.out is not None:
            print(f"\nsaved to {options.out}")
    if reason is not None:
        say_error(f"{reason} What was done until then is counted above.")


COMMAND = Command(
    "run",
    "simulate a network on data, spike by spike",
    (
        ("eventsim run net.npz x_test.npy --out run.npz", "all samples, on all cores; keep the spikes"),
        (
            "eventsim run net.npz x_test.npy --record dense1:3,14 --out run.npz",
            "membrane potentials of two neurons as well",
        ),
        ("eventsim run net.npz x_test.npy --jitter 0.01 --seed 7", "every spike time off by a Gaussian draw"),
        (
            "eventsim run net.npz x_test.npy --clock 0.05 --bus 1e-4 --json",
            "clocked emission, a shared bus; for a program",
        ),
        (
            "eventsim run net.npz x_test.npy --fault time_bits:bits=4 --fault dead:fraction=0.01",
            "times of four bits, one neuron in a hundred dead",
        ),
        ("eventsim run recurrent.npz --until 1000 --max-time 60", "a network that drives itself, for a minute at most"),
        ("eventsim run recurrent.npz --until 1000 --trials 20", "the same 20 times, each with noise of its own"),
    ),
    add_arguments,
    execute,
)
