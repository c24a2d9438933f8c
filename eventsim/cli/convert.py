"""``eventsim convert``: a trained ReLU network becomes a spiking network."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.cli.command import OK, Command, add_json, number, positive_number, print_json
from eventsim.errors import nearest

if TYPE_CHECKING:
    from eventsim.models import ReluNetwork

SLOPES = ("b1", "alpha1")
WINDOWS = ("calibrated", "certified")


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
    parser.add_argument("--out", type=Path, required=True, metavar="NET.npz", help="where to save the spiking network")
    parser.add_argument(
        "--slope", choices=SLOPES, default="b1",
        help="slope of the membrane while a layer fires: b1 = fixed to 1, alpha1 = 1 + the weights (default: b1)",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=number, default=0.5, metavar="M",
        help="windows are longer than the calibration needs, by this share (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--input-range", type=number, nargs=2, metavar=("LO", "HI"),
        help="values that are coded as the latest and the earliest spike (default: 0 1)",
    )  # fmt: skip
    parser.add_argument(
        "--windows", type=windows, default=WINDOWS[0], metavar="HOW",
        help="calibrated, certified, or lengths separated by commas, one a hidden layer (default: calibrated)",
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

    check_folder_of(options.out, options.model, options.calibrate)
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
    net.save(options.out)
    spikes = expected_spikes(relu, calibration)
    dropped = list(relu.provenance.get("dropped", ()))
    # Windows given by hand need not have room for the data.
    certificates = models.certify(net, calibration) if isinstance(options.windows, list) else None
    if options.json:
        rows = [row | {"spikes_per_neuron": spikes.get(row["layer"])} for row in network_rows(net)]
        content = {"network": options.out, "hash": net.hash(), "synapses": net.n_synapses, "layers": rows}
        content["dropped"] = dropped
        print_json(content | ({} if certificates is None else {"certified_share": certificates.share}))
        return OK
    print(network_table(net, ("spikes per neuron", lambda name: f"{spikes[name]:.3f}" if name in spikes else "-")))
    print(f"spikes per neuron: mean over the {len(calibration):,} calibration samples, from the ReLU activations")
    if dropped:
        print(f"left out: {', '.join(dropped)}")
    if certificates is not None:
        print(f"calibration data in these windows: {certificates.verdict}")
    print(f"saved to {options.out} (hash {net.hash()[:12]})")
    return OK


def expected_spikes(relu: "ReluNetwork", x: Any) -> dict[str, float]:
    """Mean number of spikes a neuron and sample by layer: an exact conversion fires where an activation is > 0."""
    return {name: float((values > 0).mean()) for name, values in relu.activations(x)}


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
