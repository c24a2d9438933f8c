"""Where the states of neurons lie in a machine: slots, cohorts, rows.

Relies on the machine's arrays. Used by `standing` and `probes`, outside the loop.
"""

from typing import Any

import numpy as np

from eventsim.engines.tables import Machine

Array = np.ndarray[Any, Any]


def populations(machine: Machine) -> list[int]:
    """The numbers of all nodes that are no sources."""
    found: list[int] = np.flatnonzero(machine.nodes.dynamics >= 0).tolist()
    return found


def slots(node: Any) -> Array:
    """Where each neuron's state is kept (`slot_of`), (n_neurons,)."""
    neurons = np.arange(node.n_neurons)
    channels = node.n_neurons // node.positions
    return np.asarray((neurons % node.positions) * channels + neurons // node.positions)


def cohorts_of(node: Any) -> Array:
    """The cohort of each neuron of a population, (n_neurons,)."""
    return np.asarray(node.cohort + slots(node) // node.cohort_size)


def values_of(machine: Machine, n: int) -> Array:
    """The states of population n, (n_state, n_neurons), by neuron."""
    node, first = machine.nodes[n], int(machine.node_states.state[n])
    rows = machine.values[first : first + int(node.n_state * node.n_neurons)]
    return np.asarray(rows.reshape(node.n_state, node.n_neurons)[:, slots(node)])
