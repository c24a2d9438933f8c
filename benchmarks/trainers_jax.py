"""What two trainers on JAX make of the networks of `trainers_networks`: jaxsnn and eventax.

Each function returns the spikes of each layer. Neither has neurons that fire once: a reset far below the threshold
keeps them silent, as in jaxsnn's own example of first spikes.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from trainers_networks import UNTIL, Case, Found

FAR_BELOW = -1000.0
DELAY = 1.0  # of recurrent weights


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    """JAX computes in float32 unless told otherwise."""
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def jaxsnn(case: Case, *, dtype: str = "float32", room: int = 60, taus: tuple[float, float] | None = None) -> Found:
    """`LIF` layers of a `Topology`. `room` is n_steps: how many inputs and spikes of its own a layer may have."""
    with precision(dtype):
        import jax
        import jax.numpy as jnp
        from jaxsnn.event.modules import LIF, LIFParameters, Linear, Source
        from jaxsnn.event.topology import Topology

        tau_mem, tau_syn = taus or (case.tau_mem, case.tau_syn)
        reset = FAR_BELOW if case.once else 0.0
        neuron = LIFParameters(tau_mem=tau_mem, tau_syn=tau_syn, v_th=1.0, v_reset=reset)
        builder = Topology(t_max=UNTIL)
        modules: dict[str, Any] = {"input": Source(case.n_inputs)}
        edges, before = [], "input"
        for name, weights in zip(case.names, case.weights, strict=True):
            modules[name] = LIF(len(weights), room, neuron)
            modules[f"to_{name}"] = Linear(pre_weights=jnp.asarray(weights.T))
            edges += [(before, f"to_{name}"), (f"to_{name}", name)]
            before = name
        if case.back is not None:
            modules["back"] = Linear(pre_weights=jnp.asarray(case.back.T), min_delay=DELAY)
            edges += [(before, "back"), ("back", before)]
        builder.add(modules)
        builder.connect(edges)
        initialise, apply = builder.done()
        parameters = initialise(jax.random.PRNGKey(0))
        spikes = jax.jit(apply)({"input": inputs_of_jaxsnn(case)}, parameters)
        return {
            name: by_neuron(spikes[name], len(weights)) for name, weights in zip(case.names, case.weights, strict=True)
        }


def inputs_of_jaxsnn(case: Case) -> Any:
    """All spikes of a sample in order, in arrays of one length."""
    import jax.numpy as jnp
    from jaxsnn.event.types import Spike

    samples = [sorted((t, k) for k, train in enumerate(sample) for t in train) for sample in case.trains]
    longest = max(map(len, samples))
    padded = [sample + [(2 * UNTIL, 0)] * (longest - len(sample)) for sample in samples]
    times, index = (jnp.array([[entry[column] for entry in sample] for sample in padded]) for column in (0, 1))
    return Spike(
        times.astype(float), index.astype(int), jnp.zeros(times.shape), jnp.zeros(times.shape, int),
        jnp.ones(times.shape, bool),
    )  # fmt: skip


def by_neuron(spikes: Any, n_neurons: int) -> list[list[list[float]]]:
    """The trains of a layer: of what it has recorded, its own spikes."""
    columns = (np.asarray(spikes.time), np.asarray(spikes.idx), np.asarray(spikes.internal))
    samples = []
    for times, index, own in zip(*columns, strict=True):
        trains: list[list[float]] = [[] for _ in range(n_neurons)]
        for t, k in zip(times[own].tolist(), index[own].tolist(), strict=True):
            if k >= 0:
                trains[k].append(t)
        samples.append(trains)
    return samples


def eventax(
    case: Case, *, dtype: str = "float32", step: float = 0.001, tolerance: float | None = None, max_events: int = 1000
) -> Found:
    """`EvNN` of `LIF`: with its own Euler steps, or, given a tolerance, with an adaptive solver of 5th order."""
    with precision(dtype):
        import jax
        import jax.numpy as jnp

        net = eventax_network(case, dtype, step, tolerance, max_events)
        record = jax.jit(lambda spikes: net.record(spikes)[:2])
        sizes = [len(weights) for weights in case.weights]
        longest = max(len(train) for sample in case.trains for train in sample)
        first = np.cumsum([0, *sizes])
        found: Found = {name: [] for name in case.names}
        for sample in case.trains:
            padded = [train + [math.inf] * (longest - len(train)) for train in sample]
            times, neurons = map(np.asarray, record(jnp.array(padded, dtype=dtype)))
            trains: list[list[float]] = [[] for _ in range(first[-1])]
            for t, k in zip(times.tolist(), neurons.tolist(), strict=True):
                if t < UNTIL:
                    trains[k].append(t)
            for name, low, high in zip(case.names, first, first[1:], strict=False):
                found[name].append(trains[low:high])
        return found


def eventax_network(case: Case, dtype: str, step: float, tolerance: float | None, max_events: int) -> Any:
    """Its network: one matrix of weights from all neurons and inputs to all neurons."""
    import diffrax
    import jax
    import jax.numpy as jnp
    import optimistix
    from eventax.evnn import EvNN
    from eventax.neuron_models import LIF

    sizes = [len(weights) for weights in case.weights]
    n, first = sum(sizes), np.cumsum([0, *sizes])
    weights = np.zeros((n + case.n_inputs, n))
    weights[n:, : sizes[0]] = case.weights[0].T
    for k in range(1, len(sizes)):
        weights[first[k - 1] : first[k], first[k] : first[k + 1]] = case.weights[k].T
    options: dict[str, Any] = {}
    if case.back is not None:
        weights[:n] = case.back.T
        delays = np.vstack((np.full((n, n), DELAY), np.zeros((case.n_inputs, n))))
        options["init_delays"] = jnp.asarray(delays, dtype=dtype)
    if tolerance is not None:
        options |= {
            "solver": diffrax.Tsit5(),
            "stepsize_controller": diffrax.PIDController(rtol=tolerance, atol=tolerance),
            "root_finder": optimistix.Newton(tolerance, tolerance, optimistix.rms_norm),
        }
    return EvNN(
        LIF, n, UNTIL, case.n_inputs, key=jax.random.PRNGKey(0), wmask=jnp.asarray(weights != 0.0, dtype=dtype),
        solver_stepsize=step, max_event_steps=max_events, dtype=getattr(jnp, dtype), thresh=1.0, tmem=case.tau_mem,
        tsyn=case.tau_syn, vreset=FAR_BELOW if case.once else 0.0, init_weights=jnp.asarray(weights, dtype=dtype),
        init_bias=0.0, **options,
    )  # fmt: skip
