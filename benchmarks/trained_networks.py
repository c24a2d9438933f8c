"""Networks that are trained here, spike by spike on whole test sets: MNIST and Fashion-MNIST, dense, LeNet-5 and VGG.

    python benchmarks/trained_networks.py [--mnist] [--fashion] [--network dense] [--folder DATA] [--quick]

Trains each network with the numpy trainer in float32 (B1, Adam, batches of 128, a cosine of rates), sets the windows by
1,000 training images, simulates all test images event by event, and prints a Markdown table. docs/how-to/load-data.md
says how to get the data; ``--quick`` takes the digits that come with eventsim.

Asserted: the simulation decides every image as the closed form in float64 does; no spike time, where certified, is
further from that of the closed form than the bound on its rounding. Images that the trainer in its own float32 decides
otherwise are listed. Seconds are of processor time.
"""

import argparse
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import eventsim
from eventsim import models
from eventsim.errors import PrematureSpikeWarning
from eventsim.models.data import DataSet
from eventsim.models.train import (
    Adam,
    Cosine,
    Fixed,
    TrainableNetwork,
    Training,
    fit,
    initialise,
    relu_network,
    trainable,
)
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]
BATCH, CALIBRATION = 128, 1_000
MARGIN = 1.0  # of the windows, beyond the largest value of the calibration images
PART = 500  # images that are simulated at once: the first spikes of a VGG fill 0.4 MB each


class Recipe(NamedTuple):
    """A network, how it is trained, on how many images at most; how many test images are certified."""

    architecture: str
    epochs: int
    rate: float
    certified: int
    images: int = 60_000


RECIPES = {
    "dense": Recipe("340-10", 10, 1e-3, 1_000),
    "lenet5": Recipe("conv6x5p2-pool2-conv16x5p0-pool2-120-84-10", 4, 2e-3, 100),
    "vgg": Recipe(
        "conv16x3-bn-relu-pool2-conv32x3-bn-relu-conv32x3-bn-relu-pool2-"
        "conv64x3-bn-relu-conv64x3-bn-relu-conv64x3-bn-relu-pool2-10",
        1, 3e-3, 10, 20_000,
    ),
}  # fmt: skip
QUICK = {
    "dense": Recipe("32-10", 3, 5e-3, 20),
    "lenet5": Recipe("conv4x3p1-pool2-conv6x3p0-16-10", 2, 5e-3, 10),
    "vgg": Recipe("conv4x3-bn-relu-pool2-conv8x3-bn-relu-pool2-10", 2, 5e-3, 10),
}


@dataclass(frozen=True)
class Simulated:
    """What a run of all test images came to.

    Attributes
    ----------
    readout
        Potentials, (n, n_out).
    premature, events
        Neurons that fired before their windows began; synaptic events that were visited.
    spikes_per_neuron
        Of the layers that have a threshold: pools only pass spikes on.
    """

    readout: Array
    premature: int
    events: int
    spikes_per_neuron: float


@dataclass(frozen=True)
class Certified:
    """What is certified of the first test images.

    Attributes
    ----------
    images
        How many.
    share
        The fraction of neurons times images that surely wait for all of their inputs.
    worst
        The largest distance of a spike time from the closed form of the whole network, in units of the bound on its
        rounding, where certified.
    largest
        The same in time, by the length of the window.
    """

    images: int
    share: float
    worst: float
    largest: float


def trained(recipe: Recipe, data: DataSet, seed: int = 0) -> TrainableNetwork:
    """The network of a recipe."""
    network = trainable(recipe.architecture, data.shape, "b1", np.float32)
    initialise(network, seed)
    training = Training(network, Adam(recipe.rate), Cosine(recipe.epochs), batch=BATCH, seed=seed, windows=Fixed())
    chosen = range(min(recipe.images, len(data.train)))
    fit(training, data.train.values(chosen, np.float32), data.train.labels[chosen], recipe.epochs)
    return network


def spiking(network: TrainableNetwork, data: DataSet) -> Network:
    """Its spiking network, with windows by the first training images."""
    calibration = data.train.values(range(min(CALIBRATION, len(data.train))))
    return models.to_ttfs(relu_network(network), calibration, margin=MARGIN)


def simulated(net: Network, network: TrainableNetwork, x: Array) -> Simulated:
    """Run all images, part by part."""
    readouts, premature, events, spikes = [], 0, 0, 0
    for begin in range(0, len(x), PART):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrematureSpikeWarning)  # they are counted
            run = eventsim.simulate(net, x[begin : begin + PART], record="readout")
        readouts.append(run.readout)
        premature += run.counters["premature"]
        events += run.counters["visited"]
        spikes += sum(run.n_spikes(name) for name in network.windows)
    neurons = sum(net.node(name).size for name in network.windows)
    return Simulated(np.concatenate(readouts), premature, events, spikes / (neurons * len(x)))


def certified(net: Network, network: TrainableNetwork, x: Array) -> Certified:
    """Certify these images, and hold their spike times against the closed form of the trained parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrematureSpikeWarning)
        run = eventsim.simulate(net, x, record="first_spikes", error_bounds=True)
    certificates = models.certify(net, run=run)
    assert certificates.proven, "a spike is not where its own inputs put it"
    report = models.verify(net, relu_network(network), x, run=run)
    worst = largest = 0.0
    safe = np.ones(len(x), bool)  # images of which all neurons before are certified
    for name, layer in certificates.layers.items():
        safe &= ~(layer.premature | layer.undecided | layer.late).any(axis=1)
        off = np.abs(report.ideal_differences[name][safe])
        bound = report.ideal_bounds[name][safe]
        worst = max(worst, float(np.divide(off, bound, out=np.where(off > 0, np.inf, 0.0), where=bound > 0).max()))
        largest = max(largest, float(off.max()) / layer.window)
    return Certified(len(x), certificates.share, worst, largest)


def in_float64(network: TrainableNetwork) -> TrainableNetwork:
    """The same numbers, computed with in float64, as the simulator does."""
    twin = network.copy()
    twin.dtype = np.dtype(np.float64)
    twin.parameters = {name: values.astype(twin.dtype) for name, values in twin.parameters.items()}
    twin.state = {name: values.astype(twin.dtype) for name, values in twin.state.items()}
    return twin


def outputs(network: TrainableNetwork, x: Array) -> Array:
    """What the closed form gives for all images, in the precision of the network."""
    return np.concatenate([network.outputs(x[begin : begin + PART]) for begin in range(0, len(x), PART)])


def decided_otherwise(ours: Array, theirs: Array) -> list[str]:
    """The images on which two decide otherwise, with the lead that the largest output of `theirs` has."""
    found = []
    for image in np.flatnonzero(ours.argmax(axis=1) != theirs.argmax(axis=1)):
        lead = np.diff(np.sort(theirs[image])[-2:])[0] / np.ptp(theirs)
        found.append(f"image {image}: the largest output leads by {lead:.1e} of the spread of outputs")
    return found


def row(title: str, name: str, recipe: Recipe, data: DataSet) -> str:
    """One line of the table."""
    began = time.process_time()
    network = trained(recipe, data)
    training = time.process_time() - began
    x, labels = data.test.values(), data.test.labels
    net = spiking(network, data)
    eventsim.warm_up(net, record="readout")
    began = time.process_time()
    run = simulated(net, network, x)
    running = time.process_time() - began
    theirs, closed = outputs(network, x), outputs(in_float64(network), x)
    assert not decided_otherwise(run.readout, closed), decided_otherwise(run.readout, closed)
    for exception in decided_otherwise(run.readout, theirs):
        print(f"{title}, {name}: rounded to float32 the trainer decides otherwise: {exception}")
    checked = certified(net, network, x[: recipe.certified])
    assert checked.worst <= 1, (title, name, checked)
    trainers, ours = theirs.argmax(axis=1), run.readout.argmax(axis=1)
    apart = np.abs(run.readout - closed).max() / np.ptp(closed)
    cells = [
        title, name, f"{(trainers == labels).mean():.2%}", f"{(ours == labels).mean():.2%}",
        f"{(ours == trainers).mean():.2%} of {len(x):,}", f"{apart:.1e}", f"{run.premature:,}",
        f"{run.spikes_per_neuron:.2f}", f"{checked.share:.4%} of {checked.images:,} images", f"{checked.worst:.2g}",
        f"{checked.largest:.1e}", f"{training:.0f} s", f"{running:.0f} s", f"{run.events / len(x) / 1e6:.2g} M",
    ]  # fmt: skip
    return "| " + " | ".join(cells).replace("%", " %") + " |"


HEAD = (
    "| data | network | accuracy: trainer | simulator | decided alike | outputs apart | premature | spikes a neuron "
    "| certified | \\|Δt\\| / bound | \\|Δt\\| / window | trained in | simulated in | events an image |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", dest="data", action="append_const", const="mnist", help="MNIST alone")
    parser.add_argument(
        "--fashion", dest="data", action="append_const", const="fashion-mnist", help="Fashion-MNIST alone"
    )
    parser.add_argument("--network", action="append", choices=list(RECIPES), help="one of the networks; again: another")
    parser.add_argument("--folder", default=os.environ.get("EVENTSIM_DATA"), help="of the data; EVENTSIM_DATA")
    parser.add_argument("--quick", action="store_true", help="small networks on the digits of eventsim")
    chosen = parser.parse_args(arguments)
    recipes = QUICK if chosen.quick else RECIPES
    print(HEAD, flush=True)
    for title in ["digits"] if chosen.quick else chosen.data or ["mnist", "fashion-mnist"]:
        data = models.data.load(title, folder=None if chosen.quick else chosen.folder)
        for name in chosen.network or list(recipes):
            with threadpool_limits(1):
                print(row(title, name, recipes[name], data), flush=True)


if __name__ == "__main__":
    main()
