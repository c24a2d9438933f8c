"""`gradients`: how a loss of a simulated run moves with the weights, delays, thresholds and inputs of its network.

Relies on the walk backwards through the recorded spikes. Used by whoever trains a simulated network, or judges the
gradients of a trainer.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.inspection.trains import has_all_spikes, numbers_of
from eventsim.models.train.event_gradients.losses import Cotangents, RunLoss
from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.models.train.event_gradients.recorded import RecordedSpikes
from eventsim.models.train.event_gradients.refusals import checked_loss, is_exact, network_of
from eventsim.models.train.event_gradients.result import Gradients
from eventsim.models.train.event_gradients.walk import ADJOINTS, Walk
from eventsim.network.convolution import Pool
from eventsim.network.network import Network
from eventsim.network.replacement import part_names
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


def gradients(run: Run, loss: RunLoss) -> Gradients:
    """Return the derivatives of a loss of a run by weights, delays, thresholds and input times: the exact adjoint.

    The recorded spikes are walked through backwards in event order. A spike is where V is the threshold, so that its
    time moves by minus what moves V there, over V'; resets, refractory periods and windows as the models have them. No
    surrogate, no grid. Spikes appear and vanish nowhere near: derivatives are those of the run as it went.

    Parameters
    ----------
    run
        Of a network of ``ttfs_b1``, ``ttfs_alpha1``, ``integrator``, ``linear_psp``, ``lif_exp``, ``if_exp`` and
        ``relay`` populations, with any projections and delays, recurrent too; recorded with ``record="spikes"``, or
        "first_spikes" where each neuron spikes once.
    loss
        What takes a run and returns `Cotangents`: `OnReadout`, `OnFirstSpikes`, or a function of one's own.

    Returns
    -------
    Gradients
        The loss, and its derivatives in the shapes in which the network has what they are by; summed over samples.

    Raises
    ------
    InputError
        A run that is incomplete, has faults, a transport, or neurons of other models, or did not record all spikes; a
        spike that grazes its threshold, if the loss depends on its time; a loss whose derivatives do not fit the run.

    Notes
    -----
    Where there are two derivatives, one is taken: an input at the very time of a spike comes after it, unless V did not
    rise without it; an input at the beginning of a window moves later; a pool passes all on to the input that it passed
    on, of several at one time to the first in event order. A threshold at or below 0 makes a spike that nothing moves
    (`Gradients.forced`). The slope of an alpha1 neuron from t_min on follows its weights, as with faults. Runs that are
    exact have gradients of Fractions.

    Cost: O(n log n) in the inputs that reached each neuron that spiked, and what a numpy call takes, a few times a
    spike. tests/test_event_gradients.py holds them against runs of 50 digits, Fractions and other engines.

    Examples
    --------
    >>> import eventsim
    >>> from eventsim.models import train
    >>> net = eventsim.Network()
    >>> given, cell = net.source(2, "given"), net.population("linear_psp", 1, "cell", threshold=1.0)
    >>> _ = net.connect(given, cell, eventsim.Dense([[0.5, 1.5]]))
    >>> run = eventsim.simulate(net, eventsim.SpikeTimes([[0.0, 1.0]]))
    >>> found = train.gradients(run, lambda run: train.Cotangents(run.spike_times("cell").sum(), {"cell": [[1.0]]}))
    >>> float(found.value), found.weights["given -> cell"].tolist(), found.thresholds["cell"].tolist()
    (1.25, [[-0.625, -0.125]], [0.5])
    >>> found.inputs["given"].tolist(), float(found.delays["given -> cell"])
    ([0.25, 0.75], 1.0)
    """
    net = network_of(run, tuple(ADJOINTS))
    found = checked_loss(run, loss(run))
    arithmetic = Arithmetic(is_exact(run, net))
    walk, by_times = Walk(net, arithmetic), _ByTimes(run, found, arithmetic)
    n_out = sum(one.size for one in net.populations if not one.model.spiking)
    readout = arithmetic.zeros((run.n_samples, n_out)) if found.readout is None else arithmetic.array(found.readout)
    for sample in range(run.n_samples):
        spikes = RecordedSpikes(net, run, sample)
        by_time = by_times.given(sample, spikes)
        walk.back(sample, spikes, by_time, readout[sample])
        by_times.keep(sample, spikes, by_time)
    walk.sums.follow()
    return _result(net, found.value, walk, by_times)


class _ByTimes:
    """Derivatives by spike times, from the shapes of a loss to the spikes of a sample, and back for sources."""

    def __init__(self, run: Run, found: Cotangents, arithmetic: Arithmetic) -> None:
        self.run, self.every = run, has_all_spikes(run)
        self.numbers = {run.populations.index(name): arithmetic.array(values) for name, values in found.spikes.items()}
        self._zeros = arithmetic.zeros
        sources = {name: k for k, name in enumerate(run.populations) if name in run.sources}
        self.first = {name: arithmetic.zeros((run.n_samples, run.sizes[k])) for name, k in sources.items()}
        self.all: Mapping[str, Array] = self.first
        if self.every:
            self.all = {name: arithmetic.zeros(run.n_spikes(name)) for name in sources}
            self._places = numbers_of(run.spikes["population"])  # of each record among those of its population
            self._samples = np.searchsorted(run.spikes["sample"], np.arange(run.n_samples + 1))
        self._sources = sources

    def given(self, sample: int, spikes: RecordedSpikes) -> Array:
        """What the loss says of each spike of a sample, (n_spikes,)."""
        by_time = self._zeros(len(spikes))
        for node, values in self.numbers.items():
            mine = np.flatnonzero(spikes.node == node)
            if values.ndim == 2:
                mine = mine[spikes.number[mine] == 0]
                by_time[mine] = values[sample, spikes.neuron[mine]]
            else:
                by_time[mine] = values[self._recorded(sample, mine)]
        return by_time

    def keep(self, sample: int, spikes: RecordedSpikes, by_time: Array) -> None:
        """Keep what the spikes of sources got."""
        for name, node in self._sources.items():
            mine = np.flatnonzero(spikes.node == node)
            if self.every:
                self.all[name][self._recorded(sample, mine)] = by_time[mine]
            mine = mine[spikes.number[mine] == 0]
            self.first[name][sample, spikes.neuron[mine]] = by_time[mine]

    def _recorded(self, sample: int, mine: Array) -> Array:
        found: Array = self._places[self._samples[sample] + mine]
        return found


def _result(net: Network, value: float, walk: Walk, by_times: _ByTimes) -> Gradients:
    called, sums = dict(part_names(net)), walk.sums
    fixed = [one for one in net.projections if isinstance(one.kind, Pool)]
    spiking = [one for one in net.populations if one.model.spiking and not one.model.relay]
    return Gradients(
        value=value,
        weights={called[one]: sums.weights(one.order) for one in net.projections if one not in fixed},
        delays={called[one]: sums.delays(one.order) for one in net.projections},
        thresholds={one.name: sums.thresholds[one.order] for one in spiking},
        drifts={one.name: sums.drifts[one.order] for one in net.populations if not one.model.spiking},
        inputs=by_times.all,
        forced=walk.forced,
        _first=by_times.first,
    )
