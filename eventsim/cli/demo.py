"""``eventsim demo``: a trained network becomes spikes, is simulated, checked against its origin, and drawn.

What each step computes is in a function of its own and goes into one dict, which ``--json`` prints.
"""

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import FAILED, OK, Command, add_json, add_threads, integer_from, print_json
from eventsim.cli.layout import count, duration, large, pairs, percent, plural
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.models import ReluNetwork
    from eventsim.network.network import Network
    from eventsim.run.run import Run

SLOPES = ("b1", "alpha1")
NEXT = (
    ("eventsim info {net}", "layers, windows and size of the spiking network"),
    ("eventsim run {net} {images} --jitter 0.05", "the same images, every spike time off by a random draw"),
    ("eventsim verify {net} {relu} {images}", "the check of step 5, which takes files of your own as well"),
    ("eventsim plot {run} --sample 1 --out sample1.png", "who fired when in another image"),
    ("eventsim --help", "all commands, each with examples"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim demo``."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="where pictures and files go (default: demo)"
    )
    parser.add_argument(
        "--images", type=integer_from(1), default=400, metavar="N", help="how many test images (default: 400, all)"
    )
    parser.add_argument(
        "--slope", choices=SLOPES, default="b1",
        help="slope of the membrane while a layer fires: b1 = fixed to 1, alpha1 = 1 + the weights (default: b1)",
    )  # fmt: skip
    add_threads(parser)
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Run the demo; 1 where the check finds anything."""
    import eventsim
    from eventsim import models
    from eventsim.cli.results import shows_progress
    from eventsim.cli.verify import report_content
    from eventsim.models import digits

    say = _silent if options.json else _say
    images, labels = digits.test_images()
    if options.images > len(images):
        raise InputError(f"demo: --images {options.images}; must be 1 to {len(images)}, the test images there are")
    images, labels = images[: options.images], labels[: options.images]
    options.out.mkdir(parents=True, exist_ok=True)
    relu, (calibration, _) = digits.network(), digits.calibration_images()

    say(f"eventsim {eventsim.__version__}: a trained network in spikes, simulated event by event, and checked\n")
    say("1  The trained network reads handwritten digits of 8 x 8 pixels.")
    content: dict[str, Any] = {"relu": about_relu(relu, images, labels)}
    say(relu_text(content["relu"]))

    say(f"\n2  The same in spikes: a neuron fires the earlier the larger its value (slope {options.slope}).")
    net = models.to_ttfs(relu, calibration, slope=options.slope)
    content["network"] = about_network(net)
    say(network_text(net, len(calibration)))

    say("\n3  One image, event by event, on the reference engine (plain Python: nothing to compile).")
    progress = shows_progress(options.json)
    first = eventsim.simulate(net, images[:1], engine="reference", progress=progress)
    content["first"] = about_first(first, int(labels[0]))
    say(first_text(content["first"]))

    say(f"\n4  {plural(len(images), 'test image')}, event by event, on the compiled engine.")
    run = eventsim.simulate(net, images, threads=options.threads, progress=progress)
    content["run"] = about_run(run, net, labels)
    say(run_text(content["run"]))

    say("\n5  Every spike time against its closed form, within a bound on its rounding.")
    probes = worth_watching(relu, images[0])
    bounded = bounded_run(net, images, probes, options)
    report = models.verify(net, relu, images, run=bounded)
    content["check"] = about_check(first, run, bounded)
    say(_indented(report.table()))
    say(check_text(content["check"]))
    content["verify"] = report_content(report)
    certificates = models.certify(net, run=bounded)
    say("\n  Does every neuron wait for all of its inputs, and how much shorter could its window be?")
    say(_indented(certificates.table()))
    content["certify"] = report_content(certificates)
    content["ok"] = report.ok and content["check"]["same_spikes"]

    say("\n6  Pictures and files.")
    content["files"] = write_files(options.out, net, relu, images, bounded, report, certificates, probes)
    say(pairs([(path, what) for path, what in content["files"].items()]))
    say(next_text(options.out))
    if options.json:
        print_json(content)
    return OK if content["ok"] else FAILED


def about_relu(relu: "ReluNetwork", images: Any, labels: Any) -> dict[str, Any]:
    """What the trained network is, and how often it is right."""
    right = relu.forward(images).argmax(axis=1) == labels
    sizes = {"input": relu.n_in}
    for layer in relu.layers:
        if layer.makes_population:
            sizes[layer.name] = math.prod(relu.shape_of(layer.name))
    return {"layers": sizes, "parameters": relu.n_parameters, "images": len(images), "accuracy": float(right.mean())}


def relu_text(about: dict[str, Any]) -> str:
    """Lines about the trained network."""
    layers = " -> ".join(f"{name} {size}" for name, size in about["layers"].items())
    return pairs(
        [
            ("layers", layers),
            ("parameters", count(about["parameters"])),
            ("accuracy", f"{percent(about['accuracy'])} of {count(about['images'])} test images"),
        ]
    )


def about_network(net: "Network") -> dict[str, Any]:
    """What the spiking network is."""
    from eventsim.cli.results import network_rows

    return {"hash": net.hash(), "synapses": net.n_synapses, "layers": network_rows(net)}


def network_text(net: "Network", n_calibration: int) -> str:
    """The layers of the spiking network and their windows."""
    from eventsim.cli.results import network_table

    return f"{network_table(net)}\n  windows in units of the input's, set by {count(n_calibration)} training images"


def worth_watching(relu: "ReluNetwork", image: Any) -> dict[str, list[int]]:
    """Neurons of the first hidden layer whose membranes are recorded: a strong one, a middling one, a silent one."""
    import numpy as np

    name, values = relu.activations(image[np.newaxis])[0]
    order = values.ravel().argsort()[::-1]
    n_active = int((values > 0).sum())
    return {name: sorted({int(order[0]), int(order[n_active // 2]), int(order[-1])})}


def about_first(run: "Run", label: int) -> dict[str, Any]:
    """What the first image did."""
    return {
        "label": label,
        "prediction": int(run.predictions[0]),
        "input_spikes": run.counters["by_population"]["input"]["spikes"],
        "spikes": run.n_spikes(),
        "last_spike": float(run.spikes["time"].max(initial=0.0)),
        "read_at": float((run.windows["output"] or (0.0, 0.0))[1]),
        "synaptic_events": run.counters["visited"],
        "seconds_since_start": seconds_since_start(),
    }


def first_text(about: dict[str, Any]) -> str:
    """Lines about the first image."""
    return pairs(
        [
            ("digit", f"{about['label']}, read as {about['prediction']}"),
            ("spikes", f"{about['input_spikes']} in, {about['spikes']} inside"),
            ("synaptic events", large(about["synaptic_events"])),
            ("latency", f"last spike at t = {about['last_spike']:.4g}, read at t = {about['read_at']:.4g}"),
            ("elapsed", f"{duration(about['seconds_since_start'])} since the program was started"),
        ]
    )


def bounded_run(net: "Network", images: Any, probes: dict[str, list[int]], options: argparse.Namespace) -> "Run":
    """Simulate all images with error bounds, and record the membranes of a few neurons."""
    import eventsim
    from eventsim.cli.results import shows_progress

    progress = shows_progress(options.json)
    return eventsim.simulate(net, images, record=probes, error_bounds=True, threads=options.threads, progress=progress)


def about_run(run: "Run", net: "Network", labels: Any) -> dict[str, Any]:
    """What all images did."""
    from eventsim.cli.results import run_content

    content = run_content(run)
    n_spiking = sum(population.size for population in net.populations if population.model.spiking)
    right = run.predictions == labels
    return {
        "images": run.n_samples,
        "accuracy": float(right.mean()),
        "spikes_per_neuron": content["counters"]["spikes"] / (n_spiking * run.n_samples),
    } | {key: content[key] for key in ("counters", "seconds", "synaptic_events_per_second")}


def run_text(about: dict[str, Any]) -> str:
    """Lines about all images."""
    from eventsim.cli.results import speed_text

    counters = about["counters"]
    return pairs(
        [
            ("accuracy", percent(about["accuracy"])),
            ("spikes", f"{about['spikes_per_neuron']:.3f} a neuron and image"),
            ("premature", f"{count(counters['premature'])} spikes before their window"),
            ("late", f"{count(counters['late'])} inputs after their window"),
            ("synaptic events", speed_text(counters["visited"], about["seconds"])),
        ]
    )


def about_check(first: "Run", run: "Run", bounded: "Run") -> dict[str, Any]:
    """Do all three runs have the same spikes, and how large is the largest bound on the rounding of a spike time?"""
    import numpy as np

    bounds = [bounded.spike_errors(name)[bounded.spike_times(name) < np.inf] for name in bounded.populations]
    return {
        "same_spikes": bool(
            np.array_equal(run.spikes, bounded.spikes)
            and np.array_equal(first.spikes, run.spikes[run.spikes["sample"] == 0])
        ),
        "largest_bound": max((float(part.max(where=part == part, initial=0.0)) for part in bounds), default=0.0),
    }


def check_text(about: dict[str, Any]) -> str:
    """Lines about the check that are not in the report's own table."""
    return pairs(
        [
            ("all three runs", "the same spikes, bit for bit" if about["same_spikes"] else "DIFFERENT SPIKES"),
            ("rounding", f"no spike time is off by more than {about['largest_bound']:.1e}"),
        ]
    )


def write_files(
    folder: Path,
    net: "Network",
    relu: "ReluNetwork",
    images: Any,
    run: "Run",
    report: Any,
    certificates: Any,
    probes: dict[str, list[int]],
) -> dict[str, str]:
    """Draw the pictures and save what the next commands work on; return each path and what it is."""
    from eventsim import viz
    from eventsim.cli.files import save_array, save_figure

    ((layer, neurons),) = probes.items()
    pictures = {
        "raster.png": (viz.raster(run).figure, "who fired when, first image"),
        "membrane.png": (viz.membrane(run, layer, neurons).figure, f"potentials of three neurons of {layer}"),
        "histogram.png": (viz.spike_histogram(run)[0].figure, "spike times of each layer, all images"),
        "windows.png": (viz.safe_windows(certificates)[0].figure, "how much window the neurons need"),
        "verification.png": (viz.verification(report)[0, 0].figure, "event times against expected times"),
    }
    written = {}
    for name, (figure, what) in pictures.items():
        save_figure(figure, folder / name)
        written[str(folder / name)] = what
    net.save(folder / "net.npz")
    relu.save(folder / "relu.npz")
    run.save(folder / "run.npz")
    save_array(images, folder / "images.npy")
    return written | {str(folder / "*.npz, *.npy"): "network, ReLU network, run and images, for the commands below"}


def next_text(folder: Path) -> str:
    """What to try next, on the files that the demo wrote."""
    files = {name: folder / f"{name}.npz" for name in ("net", "relu", "run")} | {"images": folder / "images.npy"}
    return "\nWhat next\n" + "\n".join(f"  # {what}\n  {line.format(**files)}" for line, what in NEXT)


def seconds_since_start() -> float:
    """Seconds since this process was started or, where the system does not tell, since this module was imported."""
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        up = float(Path("/proc/uptime").read_text().split()[0])
        return up - float(after_name[19]) / _ticks_a_second()
    except (OSError, ValueError, IndexError):
        return time.perf_counter() - _IMPORTED


def _ticks_a_second() -> int:
    import os

    return os.sysconf("SC_CLK_TCK")


def _indented(text: object) -> str:
    return "\n".join(f"  {line}" for line in str(text).splitlines())


def _say(text: str) -> None:
    """Print at once: what is computed next may take a while."""
    print(text, flush=True)


def _silent(*_words: object) -> None:
    """What `--json` says along the way."""


_IMPORTED = time.perf_counter()

COMMAND = Command(
    "demo",
    "convert, simulate, verify and draw a small trained network",
    (
        ("eventsim demo", "all 400 test images; pictures go to the folder demo"),
        ("eventsim demo --slope alpha1 --images 50 --out /tmp/demo", "the other slope, fewer images, another folder"),
        ("eventsim demo --json > demo.json", "the same figures for a program"),
    ),
    add_arguments,
    execute,
)
