"""``eventsim train``: from data and an architecture to a trained spiking network, its log and its curves."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import OK, Command, add_json, collected_warnings, integer_from, number, print_json
from eventsim.errors import EventsimError, InputError

if TYPE_CHECKING:
    from eventsim.models.train.carry_out import Outcome
    from eventsim.models.train.epoch import Epoch
    from eventsim.models.train.plan import Plan

OUT = Path("trained")
CURVES = "curves.png"
# Values of a plan, each with a flag of its name that takes the place of the file's.
TEXTS = {
    "architecture": "layers in one line, such as conv8x3-bn-relu-pool2-10; with -relu at its end the outputs are "
    "neurons, and the first that fires decides",
    "slope": "b1 (default), alpha1, or relu for the network of values",
    "initial": "first weights: he_normal (default), he_uniform, glorot_normal, glorot_uniform, torch, with settings "
    "start=smart or naive, and seed",
    "dtype": "float64 (default) or float32",
    "optimizer": "adam (default), adamw or sgd, with settings such as sgd:rate=0.1,momentum=0.9,weight_decay=1e-4",
    "schedule": "of the learning rate: constant (default), steps:every=5,by=0.5, cosine:epochs=20",
    "loss": "cross_entropy (default) or mean_square; of outputs that are neurons first_spike, with settings such as "
    "first_spike:tau=0.2, or target_times:early=-1,late=0",
    "windows": "growth (default), quantile:q=0.99,below_safe=keep, certified:margin=0.5",
    "judge": "events (default), with settings such as events:samples=64,on_premature=grow (or report, stop), or none",
    "redraw": "how often faults are drawn anew: each step (default), each epoch, or never, chip",
    "spiking": "windows of the spiking network: calibrated (default of slope 1), or as trained",
}
COUNTS = {
    "epochs": ("N", 0, "how many in all (default: 10)"),
    "batch": ("N", 1, "samples of a step (default: 32)"),
    "seed": ("S", 0, "of the first weights, the order of samples, and what is held out (default: 0)"),
    "calibration": ("N", 1, "training inputs that set the windows of the spiking network (default: 1000)"),
}
NUMBERS = {
    "validation": (
        "SHARE",
        "of the training part that is held out, and judged (default: 0.1); 0 judges what is trained on",
    ),
    "activity": ("COST", "of the values that neurons send; makes spikes rare (default: 0)"),
    "silent": ("COST", "of an output neuron that shall fire and is silent, for each unit of time (default: 0)"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim train``."""
    parser.add_argument(
        "config", nargs="?", type=Path, metavar="CONFIG",
        help="a TOML file with the values below as keys; flags take their place",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="DATA",
        help="a data set by name, such as digits, mnist or yin-yang, an .npz file with x and y, or a folder",
    )  # fmt: skip
    parser.add_argument("--data-folder", type=Path, metavar="FOLDER", help="where the files of a data set by name are")
    for name, words in TEXTS.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=words)
    for name, (unit, low, words) in COUNTS.items():
        parser.add_argument(f"--{name}", type=integer_from(low), metavar=unit, help=words)
    for name, (unit, words) in NUMBERS.items():
        parser.add_argument(f"--{name}", type=number, metavar=unit, help=words)
    parser.add_argument(
        "--fault", action="append", metavar="FAULT",
        help="a fault or preset that the network is trained to bear, such as time_bits:bits=5; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help=f"folder of what comes out (default: {OUT}, or the name of CONFIG without .toml, beside it)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="go on with the checkpoint of the folder, if there is one; without CONFIG, by the plan in the folder",
    )  # fmt: skip
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Train, and write what came out."""
    from eventsim import viz
    from eventsim.cli.files import check_folder_of, save_figure
    from eventsim.cli.results import shows_progress
    from eventsim.models.train.carry_out import TrainingFolder, carry_out

    out = options.out or (OUT if options.config is None else options.config.with_suffix(""))
    plan = plan_for(options, out)
    if out.is_dir():
        check_folder_of(out / CURVES)
        check_folder_of(TrainingFolder(out).plan, None if options.resume else options.config)
    if not options.json:
        print(f"{plan.architecture}, slope {plan.slope}, {plan.epochs} epochs; into {out}\n", flush=True)
    with collected_warnings() as warned:
        try:
            outcome = carry_out(
                plan, out, resume=options.resume, progress=shows_progress(options.json),
                watch=None if options.json else say_epoch,
            )  # fmt: skip
        except (KeyboardInterrupt, EventsimError) as error:
            for note in getattr(error, "__notes__", ()):
                print(note.replace("load_training", "--resume"), file=sys.stderr)
            raise
    history = outcome.training.history
    if history:
        save_figure(viz.training_curves(history)[0].figure, out / CURVES)
    report(outcome, options, warned)
    return OK


def plan_for(options: argparse.Namespace, out: Path) -> "Plan":
    """Return the plan of the file and of the flags.

    Raises
    ------
    InputError, FileFormatError
        What files and values are refused for.
    """
    from eventsim.models.train.carry_out import TrainingFolder
    from eventsim.models.train.plan import plan_of
    from eventsim.models.train.plan_file import read_plan

    given = {name: getattr(options, name) for name in (*TEXTS, *COUNTS, *NUMBERS) if getattr(options, name) is not None}
    if options.fault is not None:
        given["faults"] = options.fault
    if options.data is not None:
        given["data"] = options.data
        if options.data_folder is not None:
            given["data"] = {"source": options.data, "folder": str(options.data_folder)}
    elif options.data_folder is not None:
        raise InputError("train: --data-folder without --data; must be with it. Give the name of the data set, too.")
    kept = TrainingFolder(out).plan
    if options.config is None and options.resume and kept.exists():
        return read_plan(kept, given)
    return plan_of(given, "train") if options.config is None else read_plan(options.config, given)


def say_epoch(epoch: "Epoch") -> None:
    """Print a line about an epoch."""
    from eventsim.cli.layout import duration, percent

    held = "" if math.isnan(epoch.validation) else f", held out {percent(epoch.validation)}"
    judged = "" if epoch.verdict is None else f"; judge: {epoch.verdict}"
    print(
        f"epoch {epoch.number}: loss {epoch.loss:.4g}, accuracy {percent(epoch.accuracy)}{held}, "
        f"{duration(epoch.seconds)}{judged}",
        flush=True,
    )


def report(outcome: "Outcome", options: argparse.Namespace, warned: list[str]) -> None:
    """Print what came out, as text or as JSON."""
    from eventsim.cli.layout import pairs, percent

    assert outcome.folder is not None
    folder, history = outcome.folder, outcome.training.history
    files: dict[str, Any] = {
        "spiking": folder.spiking, "relu": folder.relu, "log": folder.log, "checkpoint": folder.checkpoint,
        "plan": folder.plan,
    }  # fmt: skip
    if history:
        files["curves"] = folder.path / CURVES
    if options.json:
        epochs = [epoch.entries() for epoch in history]
        print_json({"epochs": epochs, "test": outcome.test, "files": files, "warnings": warned})
        return
    if not math.isnan(outcome.test):
        print(f"\ntest accuracy {percent(outcome.test)}")
    print(f"\nwritten:\n{pairs(list(files.items()))}")


COMMAND = Command(
    "train",
    "train a spiking network on its spike times, with the event simulator as the judge",
    (
        (
            "eventsim train --data digits --architecture 64-10 --optimizer adam:rate=0.003 --epochs 20",
            "handwritten digits, 64 neurons; into trained/",
        ),
        (
            "eventsim train --data mnist --data-folder data --architecture conv8x3-bn-relu-pool2-10 --dtype float32",
            "a convolution and a batch norm, in float32",
        ),
        ("eventsim train my.toml --slope relu --out twin", "the same from a file, but as a network of values"),
        ("eventsim train --resume --epochs 30", "go on with what was stopped, or finished"),
        (
            "eventsim train --data digits --architecture 32-10 --windows certified --activity 0.01 --out rare",
            "windows that are certified after each epoch; rare spikes",
        ),
        (
            "eventsim train --data yin-yang --architecture 120-3-relu --loss first_spike:tau=0.2 --silent 1 --out sign",
            "outputs that are neurons: the first that fires decides",
        ),
        (
            "eventsim train --data digits --architecture 32-10 --judge events:samples=9,on_premature=stop --out strict",
            "9 samples are simulated after each epoch; a neuron that fires too early ends the training",
        ),
    ),
    add_arguments,
    execute,
)
