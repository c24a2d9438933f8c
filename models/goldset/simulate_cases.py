"""The cases of the gold set, simulated by eventsim.

Relies on the public names of the simulator. Used by ``eventsim goldset run`` and by the tests.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim import __version__
from eventsim.inspection.trains import trains
from eventsim.models.goldset.case_file import Case
from eventsim.models.goldset.results_file import Results
from eventsim.network.network import Network
from eventsim.network.projections import Sparse
from eventsim.network.sources import SpikeTimes
from eventsim.simulate import simulate as simulate_network


def network(case: Case, number: Callable[[Any], Any] = float) -> Network:
    """Build the network of a case.

    Parameters
    ----------
    case
        The case.
    number
        What weights, parameters and times become; `fractions.Fraction` for rational models, on the reference engine,
        gives exact spike times.
    """
    net, content = Network(), case.content
    for source in content["sources"]:
        net.source(source["size"], name=source["name"])
    for population in content["populations"]:
        given = {name: _converted(value, number) for name, value in population["parameters"].items()}
        window = population.get("window")
        net.population(
            population["model"],
            population["size"],
            name=population["name"],
            window=None if window is None else tuple(map(number, window)),
            **given,
        )
    for projection in content["projections"]:
        sources, targets, weights = zip(*projection["synapses"], strict=True)
        kind = Sparse(np.array(sources), np.array(targets), _converted(list(weights), number))
        delay, receptor = number(projection["delay"]), projection.get("receptor")
        net.connect(projection["pre"], projection["post"], kind, delay=delay, receptor=receptor)
    return net


def inputs(case: Case, number: Callable[[Any], Any] = float) -> dict[str, SpikeTimes] | None:
    """Return the input spikes of a case, as `eventsim.simulate` takes them."""
    sources = case.content["sources"]
    given = {one["name"]: [[number(t) for t in train] for train in one["spikes"]] for one in sources}
    return {name: SpikeTimes([train]) for name, train in given.items()} or None


def simulate(cases: Iterable[Case], engine: str = "compiled", number: Callable[[Any], Any] = float) -> Results:
    """Simulate cases with eventsim and return its spike times and read-outs.

    Cost: the compiled engine makes one loop for each set of models that occurs, once on a machine.
    """
    spikes: dict[str, list[tuple[str, int, Any]]] = {}
    readouts: dict[str, list[tuple[str, int, Any]]] = {}
    for case in cases:
        run = simulate_network(
            network(case, number), inputs(case, number), engine=engine, until=number(case.until), threads=1
        )
        found = trains("goldset", case.name, run, all_spikes=True, sample=0)
        populations = [run.populations[k] for k in run.spikes["population"].tolist()]
        all_spikes = zip(populations, run.spikes["neuron"].tolist(), found.time.tolist(), strict=True)
        spikes[case.name] = [spike for spike in all_spikes if spike[0] in case.sizes]
        if case.readouts:
            places = [(one.population, one.neuron) for one in case.readouts]
            readouts[case.name] = [(*one, v) for one, v in zip(places, run.readout[0].tolist(), strict=True)]
    return Results(f"eventsim {__version__}, {engine} engine", spikes, readouts, {})


def _converted(value: Any, number: Callable[[Any], Any]) -> Any:
    """One value, one a neuron, or such of each receptor; choices stay words."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {receptor: _converted(one, number) for receptor, one in value.items()}
    if isinstance(value, list):
        kind = object if number is Fraction else None
        return np.array([number(one) for one in value], dtype=kind)
    return number(value)
