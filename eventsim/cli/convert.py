"""``eventsim convert``: a trained ReLU network becomes a spiking network."""

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import OK, Command, add_json, number, positive_number, print_json, say_warning
from eventsim.errors import nearest

if TYPE_CHECKING:
    from eventsim.models import ReluNetwork
    from eventsim.models.checking.certificates import Certificates
    from eventsim.models.mapping.conversion import Conversion

SLOPES = ("b1", "alpha1")
WINDOWS = ("calibrated", "published", "certified")


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
    from eventsim.models.mapping.conversion import conversion

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
    found = conversion(net, relu, calibration)
    notes = {kind: net.provenance["mapping"][kind] for kind in ("lengthened", "rounding_not_reached")}
    # Windows given by hand, or by the margin alone, need not have room for the data.
    chosen = isinstance(options.windows, list) or options.windows == "published"
    certificates = models.certify(net, calibration) if chosen else None
    warned = [] if certificates is None else too_short(certificates)
    for message in warned:
        say_warning(message)
    if options.json:
        content = {"network": options.out, "hash": net.hash(), "synapses": net.n_synapses}
        content |= {"layers": [vars(row) for row in found.rows], "folded": found.folded, "split": found.split}
        content |= {"dropped": found.dropped, **notes, "certified_samples": found.certified_samples}
        content |= {"warnings": warned, "provenance": dict(relu.provenance)}
        print_json(content | ({} if certificates is None else {"certified_share": certificates.share}))
        return OK
    show(found, notes)
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


def show(found: "Conversion", notes: Mapping[str, Any]) -> None:
    """Print what became of the layers, and what the mapping noted of windows."""
    print(found.table())
    for name, length in notes["lengthened"].items():
        short, by = float(length["published"]), float(length["by"])
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
