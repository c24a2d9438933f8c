"""Recorded states of neurons: membrane potentials and other variables, at events and between them.

Relies on what was recorded and, between events, on the network. Used by the exports and by `Run`.
"""

import contextlib
import itertools
import math
from typing import Any

import numpy as np

from eventsim.checks import finite_array, shown
from eventsim.errors import InputError, listed, nearest
from eventsim.network.network import Population
from eventsim.run.recorded import Array, RecordedRun
from eventsim.wording import neuron_text


class RunWithStates(RecordedRun):
    """What was recorded of the states of neurons, and how to ask for it."""

    def membrane(
        self, population: str, neuron: int, sample: int = 0, times: Any = None, variable: str = "v"
    ) -> tuple[Array, Array]:
        """Membrane potential of a recorded neuron, or another variable of its state.

        Parameters
        ----------
        population, neuron, sample
            Which neuron, of which sample.
        times : array (n_times,)
            Times at which the exact potential is wanted, up to that until which the sample was simulated; None gives
            the recorded events.
        variable
            Which one: `variables` has their names, such as "i", the synaptic current of ``lif_exp``.

        Returns
        -------
        times : array (n_times,)
            Those asked for, or those of the records.
        potentials : array (n_times,)
            NaN before the first record and after the spike of a neuron that spikes once.
        """
        place = self._variable(population, variable)
        traces = self._need(self.records.traces, "membrane traces", 'record={"population": [neurons]}')
        neuron = self._neuron("membrane", population, neuron)
        sample = self._sample("membrane", sample)
        index, first = self._index(population)
        g = first + neuron
        mine = traces[(traces["neuron"] == g) & (traces["sample"] == sample)]
        if not mine.size:
            raise InputError(
                f"membrane: {neuron_text(neuron, self.shapes[index])} of {population!r}, sample {sample}, was not "
                "recorded. "
                'Ask for it with record={"population": [neurons]}.'
            )
        keep = np.append(mine["time"][1:] != mine["time"][:-1], True)
        mine = mine[keep]
        if times is None:
            return mine["time"].copy(), _finite(mine["state"][:, place])
        wanted = finite_array("membrane", "times", times).astype(np.float64)
        if wanted.ndim != 1:
            raise InputError(f"membrane: times has shape {wanted.shape}; must have one axis. Give a list of times.")
        self._check_simulated(sample, wanted)
        return wanted, self._between(mine, population, neuron, wanted, place)

    def variables(self, population: str) -> tuple[str, ...]:
        """Names of the variables that the state of a population's neurons holds, V first. Needs the network.

        >>> import eventsim
        >>> net = eventsim.Network()
        >>> cells = net.population("lif_exp", 1, "E", tau_mem=10.0, tau_syn={"ampa": 2.0, "gaba": 8.0}, current=2.0)
        >>> eventsim.simulate(net, until=9.0, record={"E": "all"}, engine="reference").variables("E")
        ('v', 'i_ampa', 'i_gaba', 'hold')
        """
        return self._population(population).model.variables

    def _variable(self, population: str, variable: str) -> int:
        """The place of a variable in the state."""
        if variable == "v":
            return 0
        known = self.variables(population)
        if variable not in known:
            raise InputError(
                f"membrane: variable = {shown(variable)}{nearest(str(variable), known)}; must be one of "
                f"{listed(known)}, which the neurons of {population!r} have. Choose one of them."
            )
        return known.index(variable)

    def threshold(self, population: str, neuron: int = 0) -> float:
        """Firing threshold of a neuron; inf for a read-out integrator. Needs the network: `load_run` takes it."""
        node = self._population(population)
        neuron = self._neuron("threshold", population, neuron)
        name = node.model.threshold
        return float(node.parameters[name][neuron]) if name in node.parameters else math.inf

    def recorded(self, population: str) -> list[int]:
        """Neurons of a population whose membrane was recorded in some sample, sorted."""
        traces = self._need(self.records.traces, "membrane traces", 'record={"population": [neurons]}')
        columns = self._columns(population)
        neurons = np.unique(traces["neuron"])
        return (neurons[(neurons >= columns.start) & (neurons < columns.stop)] - columns.start).tolist()

    def _population(self, population: str) -> Population:
        self._index(population)
        node = None if self._network is None else self._network.node(population)
        if not isinstance(node, Population):
            raise InputError(
                f"run: {population!r} has no membrane here: it is a source, or the run was loaded without its network. "
                "Ask for a population, and load the run with load_run(path, network)."
            )
        return node

    def _between(self, mine: Array, population: str, neuron: int, times: Any, variable: int) -> Array:
        node = self._population(population)
        model = node.model
        pieces = [
            (since, tuple(float(row[neuron]) for row in model.prepare(parameters, node.window)))
            for since, parameters in self._pieces(population, int(mine["sample"][0]), times)
        ]
        periods = model.held(node.parameters)
        refractory = 0.0 if periods is None else float(periods[neuron])
        spike_times = self._spike_train(population, neuron, int(mine["sample"][0]))
        values = np.full(len(times), math.nan)
        place = np.searchsorted(mine["time"], times, side="right") - 1
        for k, (at, t) in enumerate(zip(place, times, strict=True)):
            if at < 0:
                continue
            start = float(mine["time"][at])
            if refractory and start in spike_times:
                start += refractory
            s = tuple(mine["state"][at][: len(model.dynamics.state)].tolist())
            for (_, p), (end, _) in itertools.pairwise([*pieces, (math.inf, ())]):
                if min(t, end) > start:
                    s = model.dynamics.advance(model.dynamics.propagator(p, min(t, end) - start), s)
                    start = min(t, end)
            values[k] = s[variable]
        return _finite(values)

    def _check_simulated(self, sample: int, times: Array) -> None:
        """Refuse times behind the end of a sample: nobody knows what happens there."""
        end = math.inf
        with contextlib.suppress(InputError):  # of a file that does not say
            end = float(self.reached[sample])
        late = np.flatnonzero(times > end)
        if late.size:
            raise InputError(
                f"membrane: times[{late[0]}] = {times[late[0]]:g}; must be at most {end:g}, until when sample {sample} "
                "was simulated. Raise until, or the budget, or go on with the run."
            )

    def _pieces(self, population: str, sample: int, times: Array) -> list[tuple[float, Any]]:
        """From when on a population had which parameters, on one network after another."""
        earlier = self.provenance.get("earlier_networks", [])
        known = [*self._earlier, *[None] * (len(earlier) - len(self._earlier)), self._network]
        begins = [-math.inf, *(entry["until"][sample] for entry in earlier)]
        found: list[tuple[float, Any]] = []
        for net, begin, end in zip(known, begins, [*begins[1:], math.inf], strict=True):
            node = None if net is None else net.node(population)
            if isinstance(node, Population):
                pieces = [(-math.inf, node.parameters), *node.pieces()]
                found += [(max(begin, t), parameters) for t, parameters in pieces if t < end]
            elif (times < end).any():
                raise InputError(
                    f"membrane: times[{int(np.argmax(times < end))}] is before t = {end}, until when sample {sample} "
                    "ran on another network (changes='net'), which is not here; must be later. Ask the first part of "
                    "the run, or leave times out for the recorded events."
                )
        return found


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, math.nan)
