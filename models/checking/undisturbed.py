"""What neurons would have done had no transport held up or lost a spike: how a chip is told apart from a defect.

The run without its transport is worked out layer by layer from the spikes of the run itself: a neuron that did right by
what it received would have done right by what it would have received, faults of the run included; one that did not, is
taken to have done as it did. So a defect is in both, and what the two do not share is the transport's. A neuron of
which no input was touched has the same spike in both, to the last bit.

Relies on `expectations` and the replayed faults. Used by `causes`.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.checking.expectations import Expected, expectation, failures, last_decision, late_inputs
from eventsim.models.checking.expected_times import Neurons
from eventsim.models.checking.observation import Observation
from eventsim.models.checking.reception import Reception
from eventsim.models.checking.replayed_stages import Emissions
from eventsim.models.checking.report import OK, TRANSPORT
from eventsim.models.checking.transport_effects import Undisturbed

Array = np.ndarray[Any, Any]


class Alone:
    """Neurons of one population, had there been no transport.

    Parameters
    ----------
    name
        The population.
    neurons
        Those of one field of it.
    reception
        What these received in the run.
    seen
        The run.
    """

    def __init__(self, name: str, neurons: Neurons, reception: Reception, seen: Observation) -> None:
        self.name, self.neurons, self.received = name, neurons, reception
        self.reception = replace(reception, arrivals=reception.undisturbed)
        # Bounds of the run are of the crossings that it had.
        self.due: Expected = expectation(neurons, self.reception, replace(seen, bounds={}), name)

    def sorted_out(self, failing: Array) -> Array:
        """Return codes of failures, (n_samples, n_neurons): what fails because of the transport alone is its."""
        own = failures(self.neurons, self.reception, self.due)
        found: Array = np.where(failing == OK, OK, np.where(own == OK, TRANSPORT, own)).astype(np.int8)
        return found

    def times(self, event: Array, right: Array, bound: Array, emissions: Emissions, which: Array) -> Undisturbed:
        """Return the spikes that there would have been.

        Parameters
        ----------
        event : array (n_samples, n_neurons)
            The spikes that there were.
        right : array (n_samples, n_neurons)
            Whether the neuron did right by what it received.
        bound : array (n_samples, n_neurons)
            What rounding makes of the spikes that there were.
        emissions
            The faults of the run.
        which : array (n_neurons,)
            Which neurons of the population these are.
        """
        times = self.due.time.astype(event.dtype)
        if emissions.act_on(self.name):
            decided = last_decision(self.neurons, self.reception, times)
            times = emissions.emitted(self.name, times, float(self.neurons.t_min), decided, which)
        touched = self.received.reaches(self.received.arrivals != self.received.undisturbed)
        late, lost = disturbed_inputs(self.neurons, self.received)
        return Undisturbed(np.where(touched & right, times, event), bound + self.due.bound, late, lost)


def disturbed_inputs(neurons: Neurons, reception: Reception) -> tuple[Array, Array]:
    """How many inputs of each neuron the transport made late, and how many it lost; (n_samples, n_neurons) both."""
    direct = replace(reception, arrivals=reception.direct)
    late = late_inputs(neurons, reception) & ~late_inputs(neurons, direct)
    return reception.how_many(late), reception.how_many(lost_inputs(reception))


def lost_inputs(reception: Reception) -> Array:
    """Inputs, (n_samples, n_inputs), that were sent and never arrived; a synapse of weight 0 may hear of none."""
    lost: Array = np.isinf(reception.arrivals) & np.isfinite(reception.direct)
    return lost
