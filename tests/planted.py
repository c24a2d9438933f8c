"""Small networks with a defect planted on purpose, and an exact, slow opinion on what each of their neurons should do.

The opinion is computed neuron by neuron in Fractions from the recorded spikes, and shares nothing with
`eventsim.models.verify` but the definitions of the causes. Used by test_verify.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

import eventsim
from eventsim import models
from eventsim.fabric import AerBus
from eventsim.faults import Clock, Jitter
from eventsim.models.relu.relu_network import Dense, ReluNetwork
from eventsim.network.network import Network

SIZES = (5, 4, 3, 2)
N_SAMPLES = 2
# A difference below this may be rounding, one above is not: plants are far larger.
NOTHING = 1e-13
SOMETHING = 1e-10
NONE = "none"
INF = float("inf")


@dataclass
class Case:
    """A network or run with a planted defect, and the arguments that `verify` gets."""

    plant: str
    net: Network
    relu: ReluNetwork | None
    x: Any
    run: Any
    wrong: dict[str, set[int]] = field(default_factory=dict)  # neurons whose parameters are wrong, by population
    made_by: Network | None = None  # the network that made the run, where it is another one
    tied: tuple[str, int] | None = None
    clipped: Any = None  # where x was outside the coded range
    alone: Any = None  # the run without its bus, where it has faults, too


def window_of(net: Network, name: str) -> tuple[Any, ...]:
    return net.node(name).window or ()


def weights_of(relu: ReluNetwork) -> tuple[list[Any], list[Any]]:
    """Copies of the weights and biases of all layers."""
    layers = [layer for layer in relu.layers if isinstance(layer, Dense)]
    return [np.array(layer.weight) for layer in layers], [np.array(layer.bias) for layer in layers]


def random_relu(rng: np.random.Generator, sizes: tuple[int, ...] = SIZES) -> ReluNetwork:
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return ReluNetwork.from_weights(
        [rng.normal(0.1, 1.2 / np.sqrt(n_in), (n_out, n_in)) for n_out, n_in in shapes],
        [rng.normal(0.1, 0.2, n_out) for n_out, _ in shapes],
    )


def rebuilt(net: Network, weights: Any = None, parameters: Any = None, delays: Any = None) -> Network:
    """The same network with other weights or delays (by number of the projection) or parameters (by population)."""
    other = Network(net.time_unit)
    for source in net.sources:
        other.source(source.shape, source.name, source.window, source.value_range)
    for population in net.populations:
        values = dict(population.parameters) | (parameters or {}).get(population.name, {})
        other.population(population.model, population.shape, population.name, population.window, **values)
    for projection in net.projections:
        matrix = (weights or {}).get(projection.order, projection.kind.arrays()["weights"])
        delay = (delays or {}).get(projection.order, projection.delay)
        other.connect(projection.pre.name, projection.post.name, eventsim.Dense(matrix), delay)
    other.provenance = dict(net.provenance)
    return other


def simulated(
    net: Network, x: Any, sigma: float = 0.0, period: float = 0.0, service: float = 0.0, **options: Any
) -> Any:
    """A run; one with any stage has all three, so that one compiled loop serves every case."""
    stages: dict[str, Any] = {}
    if sigma or period or service:
        stages = {"faults": (Jitter(sigma), Clock(period)), "transport": AerBus(service)}
    return eventsim.simulate(net, x, record="first_spikes", error_bounds=True, threads=1, **stages, **options)


# -- plants ------------------------------------------------------------------------------------------------------------


def cases(seed: int) -> Iterator[Case]:
    """One case of every kind of plant, in a random network of either slope."""
    rng = np.random.default_rng(seed)
    slope = ("b1", "alpha1")[seed % 2]
    relu = random_relu(rng)
    x = rng.uniform(0.05, 1.0, (N_SAMPLES, SIZES[0]))
    net = models.to_ttfs(relu, x, slope)
    run = simulated(net, x)
    yield Case(NONE, net, relu, x, run)
    yield from _shrunken(rng, relu, slope, x)
    yield from _premature(rng, relu, slope, x)
    yield from _clipped(rng, net, relu, x)
    yield from _delayed(rng, net, relu, x)
    yield from _faulty(rng, net, relu, x, seed)
    yield from _structural(rng, net, relu, x, seed)
    yield from _tied(rng, relu, x)


def _shrunken(rng: Any, relu: ReluNetwork, slope: str, x: Any) -> Iterator[Case]:
    """Windows that are too short for some values."""
    net = models.to_ttfs(relu, x, slope, margin=float(rng.uniform(-0.6, -0.2)), windows="published")
    yield Case("shrunken window", net, relu, x, simulated(net, x))
    yield Case("shrunken window, on a bus", net, relu, x, simulated(net, x, service=float(rng.uniform(0.001, 0.1))))


def _premature(rng: Any, relu: ReluNetwork, slope: str, x: Any) -> Iterator[Case]:
    """A neuron that an early input takes over its threshold, and a later one back, its final sum unchanged."""
    weights, biases = weights_of(relu)
    neuron, (a, b) = int(rng.integers(SIZES[1])), rng.choice(SIZES[0], 2, replace=False)
    sample = x[:1].copy()
    sample[0, a], sample[0, b] = 0.9, 0.4
    extra = float(rng.uniform(50, 200))
    weights[0][neuron, a] += extra
    weights[0][neuron, b] -= extra * 0.9 / 0.4
    special = ReluNetwork.from_weights(weights, biases)
    net = models.to_ttfs(special, sample, slope, windows="published")
    yield Case("special weights", net, special, sample, simulated(net, sample))
    slow = simulated(net, sample, service=float(rng.uniform(0.001, 0.1)))
    yield Case("special weights, on a bus", net, special, sample, slow)


def _clipped(rng: Any, net: Network, relu: ReluNetwork, x: Any) -> Iterator[Case]:
    outside = x.copy()
    chosen = rng.uniform(size=x.shape) < 0.2
    chosen[0, 0] = True
    outside[chosen] = np.where(rng.uniform(size=x.shape) < 0.5, 1.3, -0.3)[chosen]
    yield Case("clipped inputs", net, relu, outside, simulated(net, outside, clip=True), clipped=chosen)


def _delayed(rng: Any, net: Network, relu: ReluNetwork, x: Any) -> Iterator[Case]:
    late = rebuilt(net, delays={int(rng.integers(3)): float(rng.uniform(0.01, 0.6))})
    yield Case("delay", late, relu, x, simulated(late, x))


def _faulty(rng: Any, net: Network, relu: ReluNetwork, x: Any, seed: int) -> Iterator[Case]:
    ids = rng.choice(1000, N_SAMPLES, replace=False)
    yield Case("jitter", net, relu, x, simulated(net, x, sigma=0.01, seed=seed, sample_ids=ids))
    yield Case("clock", net, relu, x, simulated(net, x, period=0.0625, seed=seed))
    yield Case("bus", net, relu, x, simulated(net, x, service=1e-3))
    yield Case("slow bus", net, relu, x, simulated(net, x, service=float(rng.uniform(0.03, 0.2))))
    stages = {"sigma": 0.01, "period": 1 / 128, "seed": seed}
    run, alone = simulated(net, x, service=1e-4, **stages), simulated(net, x, **stages)
    yield Case("all stages", net, relu, x, run, alone=alone)


def _structural(rng: Any, net: Network, relu: ReluNetwork, x: Any, seed: int) -> Iterator[Case]:
    """A parameter that is not the ReLU network's; a run that another network made, with and without a fault."""
    layer = int(rng.integers(2))
    name = net.populations[layer].name
    weights = np.array(net.projections[layer].kind.arrays()["weights"])
    neuron, other = rng.choice(len(weights), 2, replace=False)
    bent = weights.copy()
    bent[neuron, int(rng.integers(weights.shape[1]))] += float(rng.choice([-1, 1]) * rng.uniform(0.01, 0.5))
    changed = rebuilt(net, weights={layer: bent})
    yield Case("weight", changed, relu, x, simulated(changed, x), {name: {int(neuron)}})
    threshold = np.array(net.populations[layer].parameters["threshold"])
    threshold[neuron] += float(rng.uniform(0.01, 0.3))
    raised = rebuilt(net, parameters={name: {"threshold": threshold}})
    yield Case("threshold", raised, relu, x, simulated(raised, x), {name: {int(neuron)}})
    swapped = weights.copy()
    swapped[[neuron, other]] = swapped[[other, neuron]]
    crossed = rebuilt(net, weights={layer: swapped})
    yield Case("swapped rows", crossed, relu, x, simulated(crossed, x), {name: {int(neuron), int(other)}})
    drift = np.array(net.node("output").parameters["drift"])  # type: ignore[union-attr]
    drift[0] += 0.01
    drifting = rebuilt(net, parameters={"output": {"drift": drift}})
    yield Case("drift", drifting, relu, x, simulated(drifting, x), {"output": {0}})
    yield Case("another network", net, relu, x, simulated(changed, x), made_by=changed)
    service = float(rng.uniform(0.001, 0.1))
    yield Case("weight, on a bus", changed, relu, x, simulated(changed, x, service=service), {name: {int(neuron)}})
    yield Case("threshold, on a bus", raised, relu, x, simulated(raised, x, service=service), {name: {int(neuron)}})
    yield Case("another network, on a bus", net, relu, x, simulated(changed, x, service=service), made_by=changed)
    run = simulated(raised, x, sigma=0.02, seed=seed)
    yield Case("another network, behind jitter", net, relu, x, run, made_by=raised)


def _tied(rng: Any, relu: ReluNetwork, x: Any) -> Iterator[Case]:
    """A neuron whose activation is 0, or fills its window, but for the rounding of its bias (B1)."""
    x = np.round(x[:1] * 1024) / 1024
    weights, biases = weights_of(relu)
    windows = [4.0, 6.0]
    target = float(rng.choice([0.0, windows[0]]))
    # Inputs add up without a transient, so that only the border decides.
    neuron = int(rng.integers(SIZES[1]))
    weights[0][neuron] = np.abs(weights[0][neuron])
    total = sum(Fraction(w) * Fraction(v) for w, v in zip(weights[0][neuron].tolist(), x[0].tolist(), strict=True))
    biases[0][neuron] = float(Fraction(target) - total)
    special = ReluNetwork.from_weights(weights, biases)
    net = models.to_ttfs(special, x, windows=windows)
    name = net.populations[0].name
    yield Case("tie", net, special, x, simulated(net, x), tied=(name, neuron))


# -- the exact opinion -------------------------------------------------------------------------------------------------


def opinion(case: Case) -> dict[str, list[list[set[str]]]]:
    """The causes that may be reported, by population, sample and neuron."""
    seen = {node.name: case.run.spike_times(node.name) for node in case.net.nodes}
    left = _after_the_bus(case, seen)
    alone = _without_the_bus(case, seen, left)
    ideal = _ideal_times(case)
    source = case.net.sources[0]
    clipped = np.zeros(seen[source.name].shape, dtype=bool) if case.clipped is None else case.clipped
    found = {source.name: [[{"clamped"} if bad else {NONE} for bad in row] for row in clipped.tolist()]}
    for population in case.net.populations:
        (projection,) = (p for p in case.net.projections if p.post is population)
        decide = _cause if population.model.spiking else _cause_of_readout
        found[population.name] = [
            [decide(case, projection, sample, i, seen, left, alone, ideal) for i in range(population.size)]
            for sample in range(case.run.n_samples)
        ]
    return found


def _cause(case: Case, projection: Any, sample: int, i: int, seen: Any, left: Any, alone: Any, ideal: Any) -> set[str]:
    population, before = projection.post, projection.pre.name
    name = population.name
    if i in case.wrong.get(name, ()):
        return {"structural"}
    if case.tied == (name, i):
        return {"tie"}
    event = float(seen[name][sample, i])
    arrivals = [t + projection.delay for t in left[before][sample].tolist()]
    crossing, closed = exact_times(projection, i, arrivals)
    if case.made_by is not None:
        its = case.made_by.projections[projection.order]
        if _differ(exact_times(its, i, arrivals)[0], crossing, population):
            return {"structural"}
    failure = _failure(projection, arrivals, crossing, closed)
    if failure is not None:
        undisturbed = [t + projection.delay for t in alone[before][sample].tolist()]
        return {_failure(projection, undisturbed, *exact_times(projection, i, undisturbed)) or "transport"}
    if _differ(event, crossing, population):
        return {"fault"}
    sent = [t + projection.delay for t in seen[before][sample].tolist()]
    if _differ(exact_times(projection, i, sent)[1], closed, population):
        return {"transport"}
    return _inherited(abs(_cut(event, population) - _cut(ideal[name][sample, i], population)))


def _failure(projection: Any, arrivals: Any, crossing: Any, closed: Any) -> str | None:
    """What keeps a neuron from the value of the closed form."""
    t_min = projection.post.window[1]
    if crossing < t_min:
        return "clamped" if closed < t_min else "premature"
    return "late" if any(t < INF and (t >= t_min or projection.delay > 0) for t in arrivals) else None


def _without_the_bus(case: Case, seen: Any, left: Any) -> dict[str, Any]:
    """When neurons would have fired without the bus, a neuron that does wrong doing as it did."""
    if case.alone is not None:
        return {node.name: case.alone.spike_times(node.name) for node in case.net.nodes}
    alone = {name: np.array(times, dtype=object) for name, times in seen.items()}
    for population in case.net.populations:
        (projection,) = (p for p in case.net.projections if p.post is population)
        before, mine = projection.pre.name, alone[population.name]
        for sample, i in np.ndindex(mine.shape if population.model.spiking else (0, 0)):
            arrivals = [t + projection.delay for t in left[before][sample].tolist()]
            undisturbed = [t + projection.delay for t in alone[before][sample].tolist()]
            if arrivals != undisturbed and not _differ(
                mine[sample, i], exact_times(projection, i, arrivals)[0], population
            ):
                mine[sample, i] = exact_times(projection, i, undisturbed)[0]
    return alone


def _cause_of_readout(
    case: Case, projection: Any, sample: int, i: int, seen: Any, left: Any, alone: Any, ideal: Any
) -> set[str]:
    name, before = projection.post.name, projection.pre.name
    if i in case.wrong.get(name, ()):
        return {"structural"}
    arrivals = [t + projection.delay for t in left[before][sample].tolist()]
    if _failure(projection, arrivals, INF, INF):
        undisturbed = [t + projection.delay for t in alone[before][sample].tolist()]
        return {_failure(projection, undisturbed, INF, INF) or "transport"}
    sent = [t + projection.delay for t in seen[before][sample].tolist()]
    if abs(exact_potential(projection, i, arrivals) - exact_potential(projection, i, sent)) > SOMETHING:
        return {"transport"}
    return _inherited(abs(case.run.readout[sample, i] - ideal[name][sample, i]))


def _inherited(gap: float) -> set[str]:
    return {"inherited"} if gap > SOMETHING else {NONE} if gap < NOTHING else {NONE, "inherited"}


def exact_potential(projection: Any, i: int, arrivals: Any) -> Fraction:
    """Potential of integrator i at its read-out time, from the equations, in Fractions."""
    t_start, t_min, _ = projection.post.window
    potential = Fraction(float(projection.post.parameters["drift"][i])) * (Fraction(t_min) - Fraction(t_start))
    for t, w in zip(arrivals, projection.kind.arrays()["weights"][i].tolist(), strict=True):
        if t < t_min:
            potential += Fraction(w) * (Fraction(t_min) - Fraction(max(t, t_start)))
    return potential


def exact_times(projection: Any, i: int, arrivals: list[float]) -> tuple[Fraction | float, Fraction]:
    """First crossing (inf where silent) and closed form (any time) of neuron i, from the equations, in Fractions."""
    population = projection.post
    t_start, t_min, t_max = map(Fraction, population.window)
    values = {name: Fraction(float(array[i])) for name, array in population.parameters.items()}
    theta, fire = values["threshold"], values["slope"]
    start = values.get("alpha", Fraction(0))
    weights = [Fraction(w) for w in projection.kind.arrays()["weights"][i].tolist()]
    inputs = sorted((max(Fraction(t), t_start), w) for t, w in zip(arrivals, weights, strict=True) if t < INF)
    early = [(t, w) for t, w in inputs if t < t_min]
    closed = t_min + (theta - start * (t_min - t_start) - sum(w * (t_min - t) for t, w in early)) / fire
    if theta <= 0:
        return t_start, closed
    # (time, weight that joins the slope, or None where the slope becomes that of the firing window)
    steps: list[tuple[Fraction, Fraction | None]] = [*early, (t_min, None)]
    if "alpha" in values:
        steps += [(at, w) for at, w in inputs if t_min <= at < t_max]
    v, slope, t = Fraction(0), start, t_start
    for at, gained in [*steps, (t_max, Fraction(0))]:
        if slope > 0 and v + slope * (at - t) >= theta:
            crossing = t + (theta - v) / slope
            return (crossing if crossing < t_max else INF), closed
        v, t = v + slope * (at - t), at
        slope = fire if gained is None else slope + gained
    return INF, closed


def _after_the_bus(case: Case, seen: Any) -> dict[str, Any]:
    """When spikes left for the projections: one after another, each keeping the bus busy for the service time."""
    transport = case.run.provenance["transport"]
    service = transport["service_time"] if transport else 0.0
    if not service:
        return dict(seen)
    left = {name: times.copy() for name, times in seen.items()}
    for sample in range(case.run.n_samples):
        free = 0.0
        spikes = [
            (t, order, i, node.name)
            for order, node in enumerate(case.net.nodes)
            for i, t in enumerate(seen[node.name][sample].tolist())
            if t < INF
        ]
        for t, _, i, name in sorted(spikes):
            free = max(t, free) + service
            left[name][sample, i] = free
    return left


def _ideal_times(case: Case) -> dict[str, Any]:
    """Outputs, and spike times of the ReLU network, whose hidden values alpha1 scales to row sums in [-10, 0.99]."""
    assert case.relu is not None
    mapping = case.net.provenance["mapping"]
    before = np.ones(SIZES[0])
    times = {"output": case.relu.forward(case.x)}
    for (name, values), weight in zip(case.relu.activations(case.x), weights_of(case.relu)[0], strict=False):
        sums = (weight / before).sum(axis=1)
        factor = np.ones(len(sums))
        if mapping["scaling"]:
            factor = np.where(sums > 0.99, 0.99 / sums, np.where(sums < -10, -10 / sums, 1.0))
        times[name] = np.where(values > 0, window_of(case.net, name)[-1] - values * factor, INF)
        before = factor
    return times


def _cut(t: Any, population: Any) -> float:
    return float(min(t, population.window[2]))


def _differ(a: Any, b: Any, population: Any) -> bool:
    return abs(_cut(a, population) - _cut(b, population)) > SOMETHING
