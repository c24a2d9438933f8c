"""What has no gradient, or not this one: runs and losses that are refused.

Relies on the record of a run. Used by `gradients`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.checks import real, real_array
from eventsim.errors import InputError, listed, nearest
from eventsim.inspection.trains import has_all_spikes
from eventsim.models.train.event_gradients.losses import Cotangents
from eventsim.network.network import Network
from eventsim.run.run import Run
from eventsim.wording import neuron_text

Array = np.ndarray[Any, Any]


def network_of(run: Any, able: tuple[str, ...]) -> Network:
    """Return the network of a run whose gradients can be had.

    Raises
    ------
    InputError
        No run; one that ended early, that lacks its network or spikes, with faults or a transport, whose network was
        changed on its way, or with neurons of other models than those that are `able`.
    """
    if not isinstance(run, Run):
        raise InputError(
            f"gradients: run is a {type(run).__name__}; must be a Run. Give what eventsim.simulate or load_run "
            "returned."
        )
    run.check_one_network("gradients")
    stages = {"faults": "faults, which draw or round", "transport": "a transport, on which packets wait for each other"}
    for stage, what in stages.items():
        if run.provenance.get(stage):
            raise InputError(
                f"gradients: run has {what}; must have none, for no derivative of such times is known. Simulate "
                f"without {stage}=."
            )
    if not run.complete:
        raise InputError(
            "gradients: run ended early; must be complete, for what came later is not known. Simulate it again with a "
            "larger budget, or resume it."
        )
    if run._network is None:
        raise InputError(
            "gradients: run does not have its network, as one from a file; must have it. Load it with "
            "load_run(path, net)."
        )
    _check_models(run._network, able)
    _check_recorded(run)
    return run._network


def _check_models(net: Network, able: tuple[str, ...]) -> None:
    for population in net.populations:
        name = population.model.name
        if name not in able:
            why = "which lives in steps of a clock" if population.model.clocked else "whose adjoint is not known"
            raise InputError(
                f"gradients: {population.name!r} has neurons of {name}, {why}; must be of {listed(able)}. Build the "
                "network of these."
            )


def _check_recorded(run: Run) -> None:
    """Is each spike there?"""
    every = has_all_spikes(run)
    if run.records.first is None:
        raise InputError(
            f"gradients: run recorded no spikes (record={run.provenance.get('record')!r}); must hold each of them. "
            'Simulate with record="spikes", or "first_spikes" where each neuron spikes once.'
        )
    for name in () if every else run.populations:
        recorded = np.count_nonzero((run.spike_times(name) < math.inf).astype(bool))
        if recorded < run.n_spikes(name):
            raise InputError(
                f"gradients: run recorded {recorded} first spikes of {name!r}, whose neurons spiked "
                f'{run.n_spikes(name)} times; must hold all spikes. Simulate with record="spikes".'
            )


def is_exact(run: Run, net: Network) -> bool:
    """Did the run compute with Fractions?

    Raises
    ------
    InputError
        Some of its neurons did, others cannot: their arrivals would be rounded in another way than in the run.
    """
    if not net.exact and run.spike_times(run.populations[0]).dtype != object:
        return False
    for population in net.populations:
        if not population.model.dynamics.on_fractions:
            raise InputError(
                f"gradients: run has Fractions, and {population.name!r} neurons of {population.model.name}, which "
                "compute with float64; must be all of one. Build the network, and give its inputs, in floats."
            )
    return True


def checked_loss(run: Run, found: Any) -> Cotangents:
    """Return what a loss returned, if that fits the run.

    Raises
    ------
    InputError
        No `Cotangents`; a value or derivatives that are not finite, of unknown populations or of other shapes;
        derivatives by spikes that there were not, or by potentials that were not reached.
    """
    if not isinstance(found, Cotangents):
        raise InputError(
            f"gradients: loss(run) returned a {type(found).__name__}; must return Cotangents. Give OnReadout(…), "
            "OnFirstSpikes(…), or a function that returns Cotangents(value, spikes, readout)."
        )
    value = real(found.value)
    if value is None or not math.isfinite(value):
        raise InputError(f"gradients: the loss is {found.value}; must be finite. Look at what it sees of the run.")
    if not isinstance(found.spikes, Mapping):
        raise InputError(
            f"gradients: the loss has derivatives by spikes in a {type(found.spikes).__name__}; must be a dict by "
            "population. Give {name: array}."
        )
    for name, values in found.spikes.items():
        _check_by_times(run, name, real_array("gradients: the loss", f"spikes[{name!r}]", values))
    if found.readout is not None:
        _check_by_readout(run, real_array("gradients: the loss", "readout", found.readout))
    return found


def _check_by_times(run: Run, name: str, values: Array) -> None:
    if name not in run.populations:
        raise InputError(
            f"gradients: the loss has derivatives by spikes of {name!r}{nearest(name, run.populations)}; must be one "
            f"of {listed(run.populations)}. Name one of them."
        )
    first = run.spike_times(name)
    shapes = [first.shape] + ([(run.n_spikes(name),)] if has_all_spikes(run) else [])
    if values.shape not in shapes:
        raise InputError(
            f"gradients: the loss has derivatives of shape {values.shape} by the spikes of {name!r}; must be "
            f"{' or '.join(map(str, shapes))}. Give (n_samples, size) by first spikes, or one for each recorded spike."
        )
    _check_finite(f"by the spikes of {name!r}", values)
    if values.ndim == 2:
        strange = np.argwhere(((first == math.inf) & (values != 0)).astype(bool))
        if len(strange):
            sample, neuron = strange[0].tolist()
            shape = run.shapes[run.populations.index(name)]
            raise InputError(
                f"gradients: the loss has a derivative by the spike of {name} {neuron_text(neuron, shape)} in sample "
                f"{sample}, which is silent; must be 0, for it has no time. Leave silent neurons out of the loss, or "
                "count them at a fixed time."
            )


def _check_by_readout(run: Run, values: Array) -> None:
    potentials = run.readout
    if values.shape != potentials.shape:
        raise InputError(
            f"gradients: the loss has derivatives of shape {values.shape} by the read-out; must be {potentials.shape}. "
            "Give one for each entry of run.readout."
        )
    _check_finite("by the read-out", values)
    unread = np.argwhere((potentials != potentials) & (values != 0))
    if len(unread):
        raise InputError(
            f"gradients: the loss has a derivative by output {unread[0][1]} of sample {unread[0][0]}, which was not "
            "reached; must be read. Simulate to the end of its window."
        )


def _check_finite(what: str, values: Array) -> None:
    if not np.isfinite(values.astype(np.float64)).all():
        raise InputError(
            f"gradients: the loss has derivatives {what} that are not finite; must be numbers. Look at what the loss "
            "sees of the run."
        )
