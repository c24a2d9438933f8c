"""What two trainers on PyTorch make of the networks of `trainers_networks`: exact-snn-nn and exact-event-adjoint.

Each function returns the spikes of each layer. Every neuron of their layers of first spikes fires once, and the next
layer gets these times. Their kernels differ from I and V by factors, which the weights take up here.
"""

import math
from typing import Any

import numpy as np
from trainers_networks import UNTIL, Array, Case, Found, peak_lag, response

SILENT_BIAS = 0.0  # the bias of exact-snn-nn is a spike at time 0


def split(case: Case) -> tuple[list[tuple[int, int]], Array]:
    """Inputs with one spike each, (input, number in its train), and their times (n_inputs, n_samples)."""
    longest = [max(len(sample[k]) for sample in case.trains) for k in range(case.n_inputs)]
    channels = [(k, number) for k, length in enumerate(longest) for number in range(length)]
    times = np.full((len(channels), len(case.trains)), math.inf)
    for row, (k, number) in enumerate(channels):
        for sample, trains in enumerate(case.trains):
            if number < len(trains[k]):
                times[row, sample] = trains[k][number]
    return channels, times


def as_trains(times: Array) -> list[list[list[float]]]:
    """Of times (n_neurons, n_samples, n_spikes), inf = none, the trains of each sample and neuron."""
    return [
        [[float(t) for t in times[neuron, sample] if t < math.inf] for neuron in range(times.shape[0])]
        for sample in range(times.shape[1])
    ]


def exact_snn_weights(case: Case, weights: Array, dtype: Any) -> Any:
    """Weights for its kernel: its peak is 1, or e tau where the time constants are equal; and no bias."""
    import torch

    height = math.exp(-1.0) if case.tau_mem == case.tau_syn else response(
        case.tau_mem, case.tau_syn, peak_lag(case.tau_mem, case.tau_syn)
    )  # fmt: skip
    scaled = np.hstack((weights * height, np.full((len(weights), 1), SILENT_BIAS)))
    return torch.tensor(scaled, dtype=dtype)


def exact_snn(case: Case, *, dtype: str = "float32", grid: int = 2001, events: bool = False) -> Found:
    """`ExactTTFSLinear`, on a grid, or `ExactEventLinear`, from event to event."""
    import torch
    from exact_snn import ExactTTFSLinear
    from exact_snn.event import ExactEventLinear

    kind = getattr(torch, dtype)
    times, found = torch.tensor(split(case)[1], dtype=kind), {}
    for name, weights in zip(case.names, case.weights, strict=True):
        given: dict[str, Any] = {"tm": case.tau_mem, "ts": case.tau_syn, "t_max": UNTIL, "dtype": kind}
        n_out, n_in = weights.shape
        layer = (
            ExactEventLinear(n_in, n_out, **given) if events else ExactTTFSLinear(n_in, n_out, grid_pts=grid, **given)
        )
        with torch.no_grad():
            layer.weight.copy_(exact_snn_weights(case, weights, kind))
            times = layer(times)
        found[name] = as_trains(times.double().numpy()[:, :, None])
    return found


def exact_snn_many(
    case: Case, *, dtype: str = "float32", grid: int = 2001, max_spikes: int = 20, ode_units: bool = False
) -> Found:
    """`ExactMultiSpike`: trains of one layer. `ode_units` sets its `k_peak` to 1 / ts, the weights accordingly."""
    import torch
    from exact_snn.extended import ExactMultiSpike

    kind, (channels, times) = getattr(torch, dtype), split(case)
    weights = case.weights[0][:, [k for k, _ in channels]]
    layer = ExactMultiSpike(
        len(channels), len(weights), tm=case.tau_mem, ts=case.tau_syn, t_max=UNTIL, grid_pts=grid,
        max_spikes=max_spikes, dtype=kind,
    )  # fmt: skip
    scaled = exact_snn_weights(case, weights, kind)
    if ode_units:
        scaled = torch.tensor(np.hstack((weights, np.zeros((len(weights), 1)))), dtype=kind)
        layer.k_peak = 1.0 / case.tau_syn
    with torch.no_grad():
        layer.weight.copy_(scaled)
        found = layer(torch.tensor(times, dtype=kind))
    return {case.names[0]: as_trains(found.double().numpy())}


def exact_snn_reset(case: Case, *, dt_scan: float = 0.05) -> Found:
    """`ResetLIF`, its reference solver of one neuron, in Python's floats."""
    from exact_snn.reset import ResetLIF

    solver = ResetLIF(tm=case.tau_mem, ts=case.tau_syn, dt_scan=dt_scan)
    samples = [
        [
            solver.run([(t, float(w)) for w, train in zip(row, trains, strict=True) for t in train], t_end=UNTIL)
            for row in case.weights[0]
        ]
        for trains in case.trains
    ]
    return {case.names[0]: samples}


def adjoint(case: Case, *, dtype: str = "float32", probes: int = 0) -> Found:
    """`ExactAdjointLinear`; silence is t_max there.

    `probes` adds so many inputs of weight 0, evenly spread: the times at which it looks for a crossing are those of
    inputs and one lag later, so these are more of them.
    """
    import torch
    from exact_event_adjoint import ExactAdjointLinear

    kind = getattr(torch, dtype)
    times, found = torch.tensor(split(case)[1].T, dtype=kind), {}
    extra = torch.linspace(0.0, UNTIL, probes + 2, dtype=kind)[1:-1].expand(len(case.trains), probes)
    for name, weights in zip(case.names, case.weights, strict=True):
        n_out, n_in = weights.shape
        layer = ExactAdjointLinear(n_in + probes, n_out, tau_m=case.tau_mem, tau_s=case.tau_syn, t_max=UNTIL).to(kind)
        padded = np.hstack((weights / case.tau_mem, np.zeros((n_out, probes))))
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(padded, dtype=kind))
            times = layer(torch.cat((times, extra), dim=1))
        seen = times.double().numpy().T
        found[name] = as_trains(np.where(seen < UNTIL, seen, math.inf)[:, :, None])
    return found
