"""Calls that used to end in Python's or numpy's own exceptions: each is refused in words that say what is wrong."""

# What is given wrongly is given on purpose.
# mypy: disable-error-code="arg-type, list-item"

from fractions import Fraction

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.errors import EventsimError, FileFormatError
from eventsim.models.relu import relu_network


def relu_of_conv():
    conv = relu_network.Conv("", np.ones((2, 1, 2, 2)), np.zeros(2), relu=True)
    return relu_network.ReluNetwork([conv, relu_network.Dense("", np.ones((2, 18)), np.zeros(2), False)], (1, 4, 4))


def image(n=1):
    return np.full((n, 1, 4, 4), 0.5)


def spiking(**options):
    return models.to_ttfs(relu_of_conv(), image(), **options)


def connected(kind):
    net = eventsim.Network()
    return net.connect(net.source((1, 4, 4), "in"), net.population("relay", (1, 2, 2), "p", (0.0, 1.0)), kind)


def times(**changed):
    run = eventsim.simulate(spiking(), image(2), engine="reference")
    return models.verify(spiking(), x=image(2), times={"conv1": run.spike_times("conv1")} | changed)


def certified(**options):
    return models.certify(spiking(), run=eventsim.simulate(spiking(), 1.1 * image(2), engine="reference", **options))


def layers(**changed):
    first = {"W": [[1.0]], "D": 0.0, "t_min": 1, "t_max": 2} | changed
    return models.ttfs_network([first, {"W": [[1.0]]}])


KERNEL = np.ones((1, 1, 2, 2))
HUGE = Fraction(10) ** 400
WRONG = {
    "stride": (lambda: connected(eventsim.Conv(KERNEL, stride=10**30)), "Conv: stride = 1000.* whole number >= 1"),
    "dilation": (lambda: connected(eventsim.Conv(KERNEL, dilation=10**30)), "Conv: dilation = 1000"),
    "pool without axes": (lambda: eventsim.Pool([]), r"Pool: kernel = \[\]; must be one whole number >= 1, or two"),
    "pool of three axes": (lambda: eventsim.Pool((1, 2, 3)), r"Pool: kernel = \(1, 2, 3\); must be one"),
    "pool of bytes": (lambda: eventsim.Pool(b"\2\2"), "Pool: kernel = b"),
    "max pool": (lambda: relu_network.MaxPool("p", (2, 2), 10**30), "layer 'p': stride = 1000"),
    "shape of Conv": (lambda: eventsim.Conv(KERNEL).output_shape((1, 4)), r"Conv: kernel \(2, 2\) needs a source of"),
    "shape of Pool": (lambda: eventsim.Pool((2, 2)).output_shape((1, 4)), r"Pool: kernel \(2, 2\) needs a source of"),
    "taps": (lambda: eventsim.Conv(KERNEL).taps, "Conv: its synapses depend on the shape of its source; connect it"),
    "synapses": (lambda: eventsim.Conv(KERNEL).synapses(0), "Conv: its synapses depend on the shape of its source"),
    "weights": (lambda: eventsim.Pool((2, 2)).weights, "Pool: its synapses depend on the shape of its source"),
    "certify run": (lambda: models.certify(spiking(), run="a"), "certify: run is a str; must be what"),
    "certify early": (lambda: certified(clip=True, until=0.5), r"certify: the run ended early \(until = 0.5\)"),
    "certify clipped": (
        lambda: models.certify(
            spiking(), run=eventsim.simulate(spiking(), 3 * image(2), engine="reference", clip=True)
        ),
        "certify: the run clipped values of source 'input', .* give x in place of the run",
    ),
    "no samples": (lambda: times(conv1=np.zeros((0, 18))), r"times of 'conv1' have shape \(0, 18\) .* at least one"),
    "times of objects": (lambda: times(conv1=np.full((2, 18), None)), "times of 'conv1' have .* type object; must be"),
    "times of bools": (lambda: times(conv1=np.ones((2, 18), bool)), "times of 'conv1' have .* type bool; must be"),
    "masked times": (lambda: times(conv1=np.ma.ones((2, 18))), "times of 'conv1' is a masked array"),
    "ragged times": (lambda: times(conv1=[[1.0, 2.0], [3.0]]), "times of 'conv1' is not an array .* rows of equal"),
    "earlier than all": (lambda: times(conv1=np.full((2, 18), -np.inf)), r"times of 'conv1'\[0, 0\] = -inf; silence"),
    "windows": (lambda: spiking(windows=np.array(1.0)), "to_ttfs: windows: .*; give the length of the window of each"),
    "bytes as windows": (lambda: spiking(windows=b"\x05"), "to_ttfs: windows: .*; give the length of the window of"),
    "huge window": (lambda: spiking(windows=[HUGE]), r"to_ttfs: windows\[0\] = .*; must be a finite number"),
    "huge margin": (lambda: spiking(margin=HUGE), "to_ttfs: margin = .*; must be a finite number"),
    "huge range": (lambda: spiking(input_range=(0, HUGE)), "to_ttfs: input_range = .*; must be a finite number"),
    "number": (lambda: spiking(number=np.array([1, 2])), "to_ttfs: number = .*; must be float or fractions.Fraction"),
    "layout": (
        lambda: models.ttfs_network([{"W": [[1.0]]}], layout=np.array(["a", "b"])), "layout = .*; must be 'torch' or"
    ),
    "name of two": (lambda: layers(name=np.array(["a", "b"])), "name = .*; must be printable text"),
    "name of two lines": (lambda: layers(name="a\nb"), "name = .*; must be printable text"),
    "ragged pool": (
        lambda: models.ttfs_network([{"pool": [[1, 2], [3]]}, {"W": [[1.0]], "t_min": 1}], (1, 4, 4)),
        "layer 'pool1': pool is not an array",
    ),
    "ragged shape": (lambda: models.ttfs_network([{"W": [[1.0]]}], [[1, 2], [3]]), "input_shape is not an array"),
    "text as W": (lambda: layers(W="x"), r"layer 'dense1': weights have shape \(\); must be \(n_out, n_in\)"),
    "stride of a dense layer": (lambda: layers(stride=2), "layer 'dense1': has stride; a dense layer has no kernel"),
    "many inputs": (
        lambda: eventsim.Network().population("relay", 1, "p", (0.0, 1.0), count=10**30), "relay: count.0. = 1000.*<="
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_network_data_or_run_is_refused_in_words(what):
    call, message = WRONG[what]
    with pytest.raises(EventsimError, match=message):
        call()


@pytest.mark.parametrize("name", ["stride", "dilation", "padding", "groups"])
def test_geometry_without_axes_counts_for_all_axes(name, tmp_path):
    assert eventsim.Conv(KERNEL, **{name: np.array(1)}).arrays()[name].shape[0] == (1 if name == "groups" else 2)
    net = spiking()
    net.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as file:
        held = dict(file)
    held[f"projection0.{name}"] = np.array(1)
    np.savez(tmp_path / "changed.npz", **held)
    try:
        again = eventsim.load_network(tmp_path / "changed.npz")
    except FileFormatError:
        return
    assert again.hash() == net.hash()


def test_breadth_and_depth_have_no_end():
    net = spiking()
    run = eventsim.simulate(net, image(), engine="reference")
    found = eventsim.explain(net, run, "output", 0, depth=10**30, breadth=10**30)
    assert len(found.upstream) == len(found.inputs)
