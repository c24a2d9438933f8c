"""The networks and data of the studies that come with eventsim, made of the packaged digits.

Relies on the digits and on the mapping. Study files name these functions, and knobs ``network.…`` are their settings.
"""

from typing import Any

import numpy as np

from eventsim.models import digits
from eventsim.models.mapping.ttfs import to_ttfs
from eventsim.network.network import Network
from eventsim.randomness import stream_key, uniforms

Array = np.ndarray[Any, Any]


def conv_network(
    slope: str = "b1", margin: float = 0.5, windows: str = "calibrated", samples: int | None = None, draw: int = 0,
    time_unit: float | None = None,
) -> Network:  # fmt: skip
    """Return the network of convolutions in spikes.

    Parameters
    ----------
    slope, margin, windows, time_unit
        As `to_ttfs` has them.
    samples
        How many of the training images, drawn at random, set the windows; None takes the 300 of the calibration.
    draw
        Which random draw of them.
    """
    return to_ttfs(
        digits.network(), chosen_images(samples, draw), slope=slope, margin=margin, windows=windows, time_unit=time_unit
    )


def dense_network(
    slope: str = "b1", margin: float = 0.5, windows: str = "calibrated", samples: int | None = None, draw: int = 0,
    time_unit: float | None = None,
) -> Network:  # fmt: skip
    """Return the network of dense layers, 64-96-64-10, in spikes; settings as of `conv_network`."""
    return to_ttfs(
        digits.dense_network(), chosen_images(samples, draw), slope=slope, margin=margin, windows=windows,
        time_unit=time_unit,
    )  # fmt: skip


def cut_network(quantile: float = 1.0) -> Network:
    """Return the network of convolutions with windows as long as a quantile of the activations that are above 0.

    Where values are larger than a window, neurons fire before it opens: accuracy is given for latency (Stanojevic et
    al. 2024). 1 takes the largest activation of the 300 images of the calibration.
    """
    images, _ = digits.calibration_images()
    relu = digits.network()
    hidden = dict(relu.activations(images))
    whole = to_ttfs(relu, images, margin=0.0, windows="published")
    lengths = []
    for population in whole.populations:
        if population.window is None or population.model.relay or not population.model.spiking:
            continue
        values = hidden[population.name]
        lengths.append(float(np.quantile(values[values > 0], quantile)))
    return to_ttfs(relu, images, windows=lengths)


def chosen_images(samples: int | None, draw: int) -> Array:
    """Return images to set windows by: the calibration's, or so many of the training images in a random order.

    More of one draw begin with the fewer.
    """
    if samples is None:
        return digits.calibration_images()[0]
    images, _ = digits.training_images()
    key = stream_key(draw, "calibration")
    order = np.argsort([uniforms(key, k, 0, 0)[0] for k in range(len(images))])
    return images[order[:samples]]


def held_out_images() -> tuple[Array, Array]:
    """Return the 400 test images and their digits."""
    return digits.test_images()
