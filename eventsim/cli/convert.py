"""``eventsim convert``: a trained ReLU network becomes a spiking network."""

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.cli.command import OK, Command, add_json, number, positive_number, print_json, say_warning
from eventsim.errors import nearest

if TYPE_CHECKING:
    from eventsim.models import ReluNetwork
    from eventsim.models.checking.certificates import Certificates
    from eventsim.network.network import Network

SLOPES = ("b1", "alpha1")
WINDOWS = ("calibrated", "published", "certified")
# Layers that compute nothing: it goes without saying that no population is called after them.
WITHOUT_TRACE = ("flatten", "concat")
MOST_CERTIFIED = 1e8  # synapses times samples, of which some ten million a second are certified


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim convert``."""
    parser.add_argument(
        "model", type=Path, metavar="MODEL",
        help="trained ReLU network: an ONNX (.onnx) or Keras (.keras, .h5) model, or a saved ReluNetwork (.npz)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", type=Path, required=True, metavar="X.npy",
        help="inputs (n, *input shape) that set the spike-time windows; a few hundred training samples",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="NET.npz", help="where to save the spiking network (default: it is only described)"
    )
    parser.add_argument(
        "--slope", choices=SLOPES, default="b1",
        help="slope of the membrane while a layer fires: b1 = fixed to 1, alpha1 = 1 + the weights (default: b1)",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=number, default=0.5, metavar="M",
        help="windows are longer than the largest activation of the calibration, by this share (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--input-range", type=number, nargs=2, metavar=("LO", "HI"),
        help="values that are coded as the latest and the earliest spike (default: 0 1)",
    )  # fmt: skip
    parser.add_argument(
        "--windows", type=windows, default=WINDOWS[0], metavar="HOW",
        help="calibrated (by the margin, but long enough for the calibration data), published (by the margin alone), "
        "certified (by what these need), or lengths separated by commas, one a hidden layer (default: calibrated)",
    )  # fmt: skip
    parser.add_argument(
        "--input-shape", type=int, nargs="+", metavar="N",
        help="shape of one input, where the model leaves it open",
    )  # fmt: skip
    add_json(parser)


def windows(text: str) -> str | list[float]:
    """Argparse type: the name of a way to set windows, or their lengths."""
    if text in WINDOWS:
        return text
    try:
        return [positive_number(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r}{nearest(text, WINDOWS)}; must be {', '.join(WINDOWS)}, or lengths > 0 separated by commas"
        ) from error


def execute(options: argparse.Namespace) -> int:
    """Convert, save, and print what came out."""
    from eventsim import models
    from eventsim.cli.files import check_folder_of, read_values
    from eventsim.cli.results import network_rows, network_table

    if options.out is not None:
        check_folder_of(options.out, options.model, options.calibrate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # how inputs are turned is printed in any case
        relu = models.read_relu(options.model, options.input_shape)
    calibration = read_values(options.calibrate)
    net = models.to_ttfs(
        relu,
        calibration,
        slope=options.slope,
        margin=options.margin,
        input_range=None if options.input_range is None else tuple(options.input_range),
        windows=options.windows,
    )
    if options.out is not None:
        net.save(options.out)
    facts = expected(net, relu, calibration)
    safe, n_certified = safe_windows(net, calibration)
    populations = {name.split(".")[0] for name in facts}
    split = split_layers(relu)
    populations |= {*split}
    folded = [layer.name for layer in relu.layers if layer.name not in populations and layer.kind not in WITHOUT_TRACE]
    notes = {"folded": folded, "split": split, "dropped": list(relu.provenance.get("dropped", ()))}
    notes |= {kind: net.provenance["mapping"][kind] for kind in ("lengthened", "rounding_not_reached")}
    # Windows given by hand, or by the margin alone, need not have room for the data.
    chosen = isinstance(options.windows, list) or options.windows == "published"
    certificates = models.certify(net, calibration) if chosen else None
    warned = [] if certificates is None else too_short(certificates)
    for message in warned:
        say_warning(message)
    if options.json:
        rows = [row | facts[row["layer"]] | {"safe_window": safe.get(row["layer"])} for row in network_rows(net)]
        content = {"network": options.out, "hash": net.hash(), "synapses": net.n_synapses, "layers": rows} | notes
        content |= {"certified_samples": n_certified, "warnings": warned, "provenance": dict(relu.provenance)}
        print_json(content | ({} if certificates is None else {"certified_share": certificates.share}))
        return OK
    show(network_table(net, columns(facts, safe)), notes, len(calibration), n_certified if safe else 0)
    for line in origin(relu):
        print(line)
    if certificates is not None:
        print(f"calibration data in these windows: {certificates.verdict}")
    saved = (
        "not saved: give --out NET.npz" if options.out is None else f"saved to {options.out} (hash {net.hash()[:12]})"
    )
    print(saved)
    return OK


def origin(relu: "ReluNetwork") -> list[str]:
    """What the reader did to inputs and operations of the model, a line each."""
    found = []
    if relu.turn is not None:
        note = ", which the shape does not show" if relu.turn.ambiguous else ""
        shape = ", ".join(map(str, relu.input_shape))
        found.append(f"inputs: (n, {shape}), {relu.turn} of the model{note}: {relu.turn.how}")
    if "opset" in relu.provenance:
        found.append(f"opset: {relu.provenance['opset']}")
    return found


def columns(facts: Mapping[str, Mapping[str, float | None]], safe: Mapping[str, float]) -> dict[str, Any]:
    """What is said of each population besides its size and window: by the heading, a function of its name."""
    return {
        "safe window": lambda name: f"{safe[name]:.6g}" if name in safe else "-",
        "spikes per neuron": lambda name: _cell(facts[name]["spikes_per_neuron"], ".3f"),
        "events per sample": lambda name: _cell(facts[name]["events_per_sample"], ",.0f"),
    }


def show(table: str, notes: Mapping[str, Any], n_samples: int, n_certified: int) -> None:
    """Print the table and what became of layers that are not in it; `n_certified` is 0 without safe windows."""
    print(table)
    print(f"spikes and events: expected, means over the {n_samples:,} calibration samples")
    if n_certified:
        print(f"safe window: no neuron is premature on {n_certified:,} calibration samples in windows of this length")
    else:
        print("safe windows: not computed, since it would take minutes; models.certify does it")
    split = [f"{name} ({', '.join(populations)})" for name, populations in notes["split"].items()]
    for word, names in (
        ("folded into their neighbours", notes["folded"]),
        ("carried by two populations, above and below 0", split),
        ("left out", notes["dropped"]),
    ):
        if names:
            print(f"{word}: {', '.join(names)}")
    for name, found in notes["lengthened"].items():
        short, by = float(found["published"]), float(found["by"])
        print(
            f"lengthened: the window of {name} by {by:.6g} to {short + by:.6g}; in the published {short:.6g} neurons "
            "are premature on the calibration data"
        )
    for name, bound in notes["rounding_not_reached"].items():
        print(f"rounding not reached: bounds on it ask for a window of {bound:.6g}, longer than that of {name}")
    if notes["rounding_not_reached"]:
        print("in windows below such bounds models.certify may leave neurons undecided")


def too_short(certificates: "Certificates") -> list[str]:
    """What to say of windows in which neurons are premature on the calibration data."""
    from eventsim.cli.layout import plural

    found = [
        (name, int((layer.premature & ~layer.undecided).sum()), layer) for name, layer in certificates.layers.items()
    ]
    return [
        f"convert: {plural(count, 'premature spike')} in {name!r} on the calibration data, in a window of "
        f"{layer.window:.6g}; must be at least {layer.safe_window:.6g} long. Leave --windows out, or give longer ones."
        for name, count, layer in found
        if count
    ]


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def expected(net: "Network", relu: "ReluNetwork", x: Any) -> dict[str, dict[str, float | None]]:
    """By population the mean number of spikes a neuron and sample, and of synaptic events a sample that reach it.

    An exact conversion fires where a coded value is > 0. Events are those of neurons that fire alike at all positions.
    """
    from eventsim.models.relu.coded_layers import INPUTS, coded_layers

    source = net.sources[0]
    low, high = (float(bound) for bound in source.value_range)
    held = {INPUTS: (np.asarray(x, dtype=np.float64).reshape(-1, *source.shape) - low) / (high - low)}
    spikes: dict[str, float | None] = {source.name: float((held[INPUTS] > 0).mean())}
    for i, layer in enumerate(coded_layers(relu.streams(), np.float64, (low, high))):
        held[i] = layer.apply(held)
        spikes[layer.name] = float((held[i] > 0).mean())
    spikes[net.populations[-1].name] = None
    events = {node.name: 0.0 for node in net.nodes}
    for projection in net.projections:
        share = spikes[projection.pre.name]
        assert share is not None
        events[projection.post.name] += share * projection.kind.n_synapses
    return {
        node.name: {"spikes_per_neuron": spikes[node.name], "events_per_sample": events[node.name] or None}
        for node in net.nodes
    }


def split_layers(relu: "ReluNetwork") -> dict[str, list[str]]:
    """By the names of layers whose values may be below 0 between layers, the populations that carry these."""
    from eventsim.models.relu.fusion import fuse

    carried = relu.streams()
    streams = {name: {*both} for name, both in carried.split.items()}
    found: dict[str, list[str]] = {name: [] for name in carried.split}
    for held in fuse(carried, np.dtype(np.float64)):
        own = held.values[0] if held.values is not None else held.layer.name
        for name, both in streams.items():
            if own in both or {carried.called.get(one) for one in both} & {own}:
                found[name].append(held.layer.name)
    return {name: listed for name, listed in found.items() if listed}


def safe_windows(net: "Network", calibration: Any) -> tuple[dict[str, float], int]:
    """The smallest safe windows by layer, and of how many calibration samples: as many as take some seconds."""
    from eventsim import models

    n = min(len(calibration), int(MOST_CERTIFIED // max(net.n_synapses, 1)))
    if n == 0:
        return {}, 0
    return {name: float(safe) for name, safe in models.certify(net, calibration[:n]).safe_windows.items()}, n


COMMAND = Command(
    "convert",
    "turn a trained ReLU network into a spiking one",
    (
        ("eventsim convert relu.npz --calibrate x_train.npy --out net.npz", "windows set by the data, slope b1"),
        ("eventsim convert model.onnx --calibrate x.npy --out net.npz", "a network trained elsewhere, in an ONNX file"),
        (
            "eventsim convert relu.npz --calibrate x.npy --out net.npz --slope alpha1 --input-range -1 1",
            "the other slope, for inputs from -1 to 1",
        ),
        (
            "eventsim convert relu.npz --calibrate x.npy --out net.npz --windows 12,9.5",
            "window lengths of two hidden layers given by hand",
        ),
    ),
    add_arguments,
    execute,
)
