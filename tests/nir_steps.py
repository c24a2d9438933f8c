"""NIR graphs in small steps of time, written from NIR's equations; imports nothing of eventsim.

In each step potentials follow their equations for dt, what is above its threshold fires, and impulses are passed on
until nothing more fires. Spike times are right to a step or two.
"""

from typing import Any

import numpy as np

NEURONS = ("IF", "LIF", "CubaLIF", "I", "LI", "CubaLI")


class Steps:
    """A flat graph; `run` takes spikes of inputs as (step, index)."""

    def __init__(self, graph: Any, dt: float) -> None:
        self.nodes, self.edges, self.dt = graph.nodes, graph.edges, dt
        self.neurons = {n: node for n, node in self.nodes.items() if type(node).__name__ in NEURONS}
        self.v = {n: np.zeros(node.r.shape) for n, node in self.neurons.items()}
        self.i = {n: np.zeros(node.r.shape) for n, node in self.neurons.items()}
        self.lines: dict = {n: {} for n, node in self.nodes.items() if type(node).__name__ == "Delay"}
        self.constant = {n: self.gather(n, self.zeros, bias=True) for n in self.neurons}

    def zeros(self, name):
        node = self.nodes[name]
        return np.zeros(tuple(node.input_type["input"]) if type(node).__name__ == "Input" else node.r.shape)

    def gather(self, name, emitted, bias=False):
        """The sum of what the nodes before this one send."""
        return sum(self.sent(first, emitted, bias) for first, second in self.edges if second == name)

    def sent(self, name, emitted, bias):
        node, kind = self.nodes[name], type(self.nodes[name]).__name__
        if kind in (*NEURONS, "Input"):
            return emitted(name)
        if kind == "Delay":
            return np.zeros(node.delay.shape) if bias else self.due[name]
        return linear(node, self.gather(name, emitted, bias), bias)

    def run(self, inputs, n_steps):
        """Lists of (time, index) by neuron node."""
        fired: dict = {n: [] for n in self.neurons}
        for k in range(n_steps):
            emitted = {n: np.zeros(self.zeros(n).shape) for n in inputs}
            for name, spikes in inputs.items():
                for step, index in spikes:
                    emitted[name].flat[index] += step == k
            for name in self.neurons:
                if k:
                    self.relax(name)
                emitted[name] = self.fire(name, k, fired)
            self.due = {n: line.pop(k, np.zeros(self.nodes[n].delay.shape)) for n, line in self.lines.items()}
            first = True
            while first or any(spikes.any() for spikes in emitted.values()):
                for name, line in self.lines.items():
                    later = k + round(float(self.nodes[name].delay.flat[0]) / self.dt)
                    line[later] = line.get(later, 0) + self.gather(name, emitted.get)
                arriving = {n: self.gather(n, emitted.get) for n in self.neurons}
                for name in self.neurons:
                    self.receive(name, arriving[name])
                    emitted[name] = self.fire(name, k, fired)
                emitted |= {n: np.zeros_like(emitted[n]) for n in inputs}
                self.due = {n: np.zeros_like(due) for n, due in self.due.items()}
                first = False
        return fired

    def relax(self, name):
        node, kind, dt, constant = self.nodes[name], type(self.nodes[name]).__name__, self.dt, self.constant[name]
        if kind in ("I", "IF"):
            self.v[name] = self.v[name] + dt * node.r * constant
            return
        drive, tau = constant, node.tau if kind in ("LI", "LIF") else node.tau_mem
        if kind in ("CubaLI", "CubaLIF"):
            middle = node.w_in * constant + (self.i[name] - node.w_in * constant) * np.exp(-dt / 2 / node.tau_syn)
            self.i[name] = node.w_in * constant + (middle - node.w_in * constant) * np.exp(-dt / 2 / node.tau_syn)
            drive = middle
        v_inf = node.v_leak + node.r * drive
        self.v[name] = v_inf + (self.v[name] - v_inf) * np.exp(-dt / tau)

    def receive(self, name, w):
        node, kind = self.nodes[name], type(self.nodes[name]).__name__
        if kind in ("CubaLI", "CubaLIF"):
            self.i[name] = self.i[name] + node.w_in * w / node.tau_syn
        else:
            self.v[name] = self.v[name] + node.r * w / (node.tau if kind in ("LI", "LIF") else 1.0)

    def fire(self, name, k, fired):
        node = self.nodes[name]
        if not hasattr(node, "v_threshold"):
            return np.zeros(node.r.shape)
        above = self.v[name] > node.v_threshold
        self.v[name] = np.where(above, node.v_reset, self.v[name])
        fired[name] += [(k * self.dt, int(index)) for index in np.flatnonzero(above)]
        return above.astype(float)


def linear(node: Any, x: np.ndarray, bias: bool) -> np.ndarray:
    """What a linear node makes of an array, by its definition."""
    kind = type(node).__name__
    if kind in ("Linear", "Affine"):
        return node.weight @ x + (node.bias if bias and kind == "Affine" else 0.0)
    if kind == "Scale":
        return x * node.scale
    if kind == "Flatten":
        end = node.end_dim % x.ndim
        return x.reshape(*x.shape[: node.start_dim], -1, *x.shape[end + 1 :])
    if kind in ("SumPool2d", "AvgPool2d"):
        ones = np.ones((x.shape[0], 1, *node.kernel_size))
        share = ones / ones[0].size if kind == "AvgPool2d" else ones
        return convolved(x, share, tuple(node.stride), tuple(node.padding), (1, 1), x.shape[0])
    n = x.ndim - 1
    stride, padding, dilation = (
        part if isinstance(part, str) else (part,) * n if np.ndim(part) == 0 else tuple(part)
        for part in (node.stride, node.padding, node.dilation)
    )
    y = convolved(x, node.weight, stride, padding, dilation, node.groups)
    return y + node.bias.reshape(-1, *(1,) * n) if bias else y


def convolved(x, weight, stride, padding, dilation, groups):
    """out[o, y] = sum over c, k of weight[o, c, k] x[c, y stride - padding + k dilation], zeros outside."""
    n, kernel = x.ndim - 1, weight.shape[2:]
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if padding == "same":
        pads = [(span // 2, span - span // 2) for span in spans]
    else:
        pads = [(0, 0)] * n if padding == "valid" else [(p, p) for p in padding]
    x = np.pad(x, [(0, 0), *pads])
    sizes = [(size - span - 1) // s + 1 for size, span, s in zip(x.shape[1:], spans, stride, strict=True)]
    out = np.zeros((weight.shape[0], *sizes))
    for o in range(weight.shape[0]):
        for c in range(weight.shape[1]):
            channel = x[o // (weight.shape[0] // groups) * weight.shape[1] + c]
            for y in np.ndindex(*sizes):
                for k in np.ndindex(*kernel):
                    place = tuple(a * s + b * d for a, s, b, d in zip(y, stride, k, dilation, strict=True))
                    out[(o, *y)] += weight[(o, c, *k)] * channel[place]
    return out


def euler(
    graph: Any, dt: float, x: np.ndarray, reset: str = "hard", resets: str = "at_spike", strict: bool = True
) -> dict[str, np.ndarray]:
    """Spikes (n_steps, size) of each neuron node in forward Euler steps, as trainers run one layer after the other.

    A spike is a pulse of height 1 and width dt. Nodes are taken in the order of the graph, so that edges that lead back
    show the spikes of the step before. `x` holds the spikes of the one Input, in each step.
    """
    neurons = {n: node for n, node in graph.nodes.items() if type(node).__name__ in NEURONS}
    v, i = ({n: np.zeros(node.r.shape) for n, node in neurons.items()} for _ in range(2))
    sent = {n: np.zeros(node.r.shape) for n, node in neurons.items()}
    found: dict = {n: [] for n in neurons}

    def signal(name):
        return sent[name] if name in sent else linear(graph.nodes[name], total(name), True)

    def total(name):
        return sum(signal(first) for first, second in graph.edges if second == name)

    (source,) = [n for n, node in graph.nodes.items() if type(node).__name__ == "Input"]
    for step in x.astype(float):
        sent[source] = step
        for n, node in neurons.items():
            drive, fired = total(n), sent[n] > 0
            lowered = (
                (lambda v, node=node: v - node.v_threshold) if reset == "soft" else (lambda v, node=node: node.v_reset)
            )
            if resets == "before_leak":
                v[n] = np.where(fired, lowered(v[n]), v[n])
            if hasattr(node, "tau_syn"):
                i[n] = i[n] + dt / node.tau_syn * (node.w_in * drive - i[n])
                drive = i[n]
            tau = getattr(node, "tau_mem", getattr(node, "tau", None))
            v[n] = v[n] + (dt * node.r * drive if tau is None else dt / tau * (node.v_leak - v[n] + node.r * drive))
            if resets == "next_tick":
                v[n] = np.where(fired, lowered(v[n]), v[n])
            above = v[n] > node.v_threshold if strict else v[n] >= node.v_threshold
            sent[n] = above.astype(float)
            if resets == "at_spike":
                v[n] = np.where(above, lowered(v[n]), v[n])
            found[n].append(above.ravel())
    return {n: np.array(rows) for n, rows in found.items()}
