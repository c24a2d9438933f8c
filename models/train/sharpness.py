"""How curved the loss is where a network stands, and so how large a learning rate plain gradient descent bears.

Relies on the gradients of the trainable network. Used by the theory page.
"""

from typing import Any

import numpy as np

from eventsim.checks import integer
from eventsim.models.train.losses import Loss
from eventsim.models.train.network import TrainableNetwork

Array = np.ndarray[Any, Any]


def sharpness(
    network: TrainableNetwork, x: Array, loss: Loss, targets: Array, rounds: int = 40, seed: int = 0
) -> float:
    """Return the eigenvalue of largest size of the second derivative of a loss in all parameters.

    Parameters
    ----------
    network
        Not changed. What is computed is in float64, whatever its numbers are.
    x, targets
        A batch: inputs in [0, 1], (n, *input_shape), and what the loss takes.
    loss
        A `Loss`.
    rounds
        Of power iteration; the result is a lower bound that they raise.
    seed
        Of the direction that they begin with.

    Raises
    ------
    InputError
        Rounds out of range.

    Notes
    -----
    Plain gradient descent with a learning rate above 2 by it goes away from a minimum of this curvature. Products with
    the second derivative are central differences of gradients; each round costs two passes.
    """
    integer("sharpness", "rounds", rounds, low=1)
    draws, moved = np.random.default_rng(seed), network.copy()
    moved.dtype = np.dtype(np.float64)
    direction: dict[str, Array] = {}
    for name, values in network.parameters.items():
        direction[name] = np.asarray(draws.standard_normal(values.shape))
    scale = _norm(network.parameters) or 1.0
    found = 0.0
    for _ in range(rounds):
        step, sides = 1e-6 * scale / _norm(direction), []
        for sign in (1, -1):
            for name, values in network.parameters.items():
                moved.parameters[name] = values + sign * step * direction[name]
            sides.append(moved.gradients(x, loss, targets).gradients)
        after = {name: (sides[0][name] - sides[1][name]) / (2 * step) for name in direction}
        found = sum(float(np.vdot(direction[name], after[name])) for name in direction) / _norm(direction) ** 2
        size = _norm(after)
        if not size:
            break
        direction = {name: one / size for name, one in after.items()}
    return found


def _norm(arrays: dict[str, Array]) -> float:
    return float(np.sqrt(sum(float(np.vdot(one, one)) for one in arrays.values())))
