"""How the spike times of a layer, or the outputs of a network, depend on its input times at one sample.

Exact: the layers' own backward pass, one row a direction, so that pools, convolutions and batch norms (by their running
statistics) are what they are in training. For a dense layer it is dt_i / dt_j = W_ij / slope_i where neuron i spikes,
and 0 where it does not. Relies on the trainable network. Used by the theory of initial weights, whose spectra these
are.
"""

import functools
import math
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.train.network import OPERATIONS, TrainableNetwork

Array = np.ndarray[Any, Any]
ROWS = 128  # directions that go back together: of a wide convolution, more would not fit the cache


def jacobians(network: TrainableNetwork, x: Array) -> dict[str, Array]:
    """Return the Jacobian of each layer at one sample, by its name, (n_out, n_in) in C order.

    Parameters
    ----------
    network
        Of spike times, or of values: then these are derivatives of values.
    x
        One input in [0, 1], (*input_shape) or (n_in,).

    Raises
    ------
    InputError
        More or fewer values than one input has.

    Notes
    -----
    Times are differentiated with respect to times, potentials of the read-out with respect to times, so those are
    minus its weights. Costs as much as a batch of n_out samples, layer by layer.
    """
    values = np.asarray(x)
    if values.size != network.n_in:
        raise InputError(
            f"jacobians: x of shape {values.shape}; must be one input, of {network.n_in} values; pass x[0]"
        )
    given, found = network.encoded(values.reshape(1, -1)), {}
    for layer in network.layers:
        n_out, rows = math.prod(layer.shape), []
        own, state = network.of(layer), network.state_of(layer)
        for begin in range(0, n_out, ROWS):
            n_rows = min(ROWS, n_out - begin)
            repeated = np.repeat(given, n_rows, axis=0)
            sent, tape = layer.forward(OPERATIONS, network.code, own, state, repeated, False)
            sent, cut = network.kept(layer, sent)
            directions = np.eye(n_rows, n_out, begin, network.dtype).reshape(n_rows, *layer.shape)
            if cut is not None:
                directions = directions * ~cut
            back, _ = layer.backward(OPERATIONS, network.code, own, tape, directions, True)
            assert back is not None
            rows.append(back.reshape(n_rows, -1))
        found[layer.name] = np.concatenate(rows)
        given = sent[:1]
    return found


def network_jacobian(network: TrainableNetwork, x: Array) -> Array:
    """Return the Jacobian of the outputs with respect to the input times at one sample, (n_out, n_in).

    Raises
    ------
    InputError
        As for `jacobians`, whose product this is.
    """
    return functools.reduce(lambda later, one: one @ later, jacobians(network, x).values())
