"""How long windows of a trained network must be: so that no neuron reaches its threshold before all inputs are there.

Relies on `certify` and on the spiking network. Used by the window rules and by the judge.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError, TrainingError
from eventsim.models.checking.certificates import Certificates
from eventsim.models.checking.certify import certify
from eventsim.models.train.inputs import checked_range, checked_shape
from eventsim.models.train.network import TrainableNetwork
from eventsim.models.train.spiking import spiking_network

Array = np.ndarray[Any, Any]
ROUNDS = 8  # times that windows are widened at most; bounds that still grow then do so without an end
MORE = 1.25  # of the bound on rounding is added, since bounds grow with the windows


def safe_windows(network: TrainableNetwork, x: Array) -> dict[str, float]:
    """Return the smallest window of each layer in which none of its neurons is premature for `x`; <= 0 for any window.

    Parameters
    ----------
    network
        Its windows say where integration begins, and how much rounding may hide.
    x
        Inputs in [0, 1], (n, *input_shape).

    Raises
    ------
    TrainingError
        A neuron whose slope behind t_min is not above 0, of which `certify` says nothing.
    InputError
        Inputs of another shape, or outside of [0, 1].
    """
    layers = _certificates(network, x).layers
    return {name: float(layers[name].safe_window) for name in network.windows}


def too_short(network: TrainableNetwork, x: Array) -> dict[str, float]:
    """Return the smallest safe windows of the layers whose own are shorter."""
    return {name: safe for name, safe in safe_windows(network, x).items() if safe > network.windows[name]}


def certified_windows(network: TrainableNetwork, x: Array, margin: float) -> dict[str, float]:
    """Return windows 1 + `margin` times the smallest safe ones, in which `certify` is sure of every neuron for `x`.

    A layer for which any window is safe keeps its own. Where bounds on rounding leave a doubt, its window is widened.

    Raises
    ------
    TrainingError
        The bounds grow with the windows, so that none is certified; what `safe_windows` refuses.
    """
    found = network.copy()
    for name, safe in safe_windows(network, x).items():
        if 0 < safe < math.inf:
            found.windows[name] = (1 + margin) * safe
    for _ in range(ROUNDS):
        certificates = _certificates(found, x)
        unsure = _unsure(found.windows, certificates)
        if not unsure:
            return dict(found.windows)
        found.windows |= {name: (1 + margin) * wanted for name, wanted in unsure.items()}
    raise TrainingError(
        f"Certified: windows of {', '.join(unsure)} are not certified after {ROUNDS} tries; must be sure for each of "
        f"{len(x)} samples, but bounds on rounding grow with the weights of every layer before. Take fewer layers, a "
        "larger margin, or windows = 'growth' with a judge, which does not wait for such bounds"
    )


def _unsure(windows: Mapping[str, float], certificates: Certificates) -> dict[str, float]:
    """The layers with a neuron that is premature, or may be by rounding, with the windows that they ask for."""
    wanted = {}
    premature = any(layer.premature.any() for layer in certificates.layers.values())
    for name in windows:
        layer = certificates.layers[name]
        if (layer.premature | layer.undecided).any():
            # Behind premature neurons margins say nothing.
            asked = layer.safe_window if premature else float((layer.window - layer.margin + MORE * layer.bound).max())
            wanted[name] = max(asked, windows[name] * (1 + 1e-12))
    return wanted


def _certificates(network: TrainableNetwork, x: Array) -> Certificates:
    given = checked_range("safe_windows", checked_shape("safe_windows", x, network.input_shape))
    try:
        return certify(spiking_network(network), given.reshape(len(given), -1))
    except (InputError, MappingError) as error:  # alpha neurons that do not climb, weights without bounds
        why = str(error).rstrip(".")
        raise TrainingError(
            f"no windows of this network are certified: {why}. Take slope = 'b1', or windows = 'growth'"
        ) from error
