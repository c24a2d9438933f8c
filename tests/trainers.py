"""The same small networks in five step-based frameworks: their spikes, and what their exporters write.

``python tests/trainers.py`` prints the table of docs/how-to/exchange-with-nir.md for the frameworks that are installed
where it runs (`make exporters` has two environments, since sinabs and Rockpool want an old nir).
"""

import contextlib
import importlib
import io
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

N_STEPS = 120
TAU, TAU_SYN = 8.0, 4.0  # in steps


class Case(NamedTuple):
    """A network in a framework.

    Attributes
    ----------
    network : one of `layers`. neuron : "lif", "cuba" or "if". options : what `read_nir` must be told.
    setting : what only this framework has.
    """

    framework: str
    network: str
    neuron: str
    options: dict[str, Any]
    setting: Mapping[str, Any] = MappingProxyType({})

    @property
    def name(self) -> str:
        told = [f"{key}={value}" for key, value in (*self.options.items(), *self.setting.items())]
        return " ".join([self.framework, self.network, self.neuron, *told])


class Result(NamedTuple):
    """Spikes of each layer of neurons, bool (n_steps, size), and the exporter's graph."""

    spikes: list[np.ndarray]
    graph: Any


def layers(network: str, neuron: str) -> list[tuple]:
    """A network of two or three layers; weights are float32, and weaker where a synapse adds them up."""
    rng = np.random.default_rng(len(network))
    share = {"cuba": 0.3, "lif": 1.0, "if": 0.75}[neuron]

    def dense(n_in: int, n_out: int, bias: bool) -> tuple:
        weights = rng.normal(0.25 if n_in == 6 or network == "weak" else 0.1, 0.45, (n_out, n_in)) / np.sqrt(n_in / 6)
        weights = weights * share / (2 if network == "weak" else 1)
        return (
            "dense",
            weights.astype(np.float32),
            (share * rng.uniform(-0.1, 0.1, n_out)).astype(np.float32) if bias else None,
        )

    if network == "convs":
        return [
            step
            for n_in, n_out in ((1, 3), (3, 2))
            for step in (
                (
                    "conv",
                    rng.normal(0.2, 0.3, (n_out, n_in, 3, 3)).astype(np.float32),
                    np.full(n_out, 0.03, np.float32),
                ),
                ("neuron", (n_out, 6, 6)),
            )
        ]
    if network == "conv":
        weights = (share * rng.normal(0.2, 0.35, (3, 1, 3, 3))).astype(np.float32)
        bias = rng.uniform(-0.05, 0.1, 3).astype(np.float32)
        return [("conv", weights, bias), ("neuron", (3, 6, 6)), ("flatten",), dense(108, 5, True), ("neuron", (5,))]
    if network == "pool":
        weights = (share * rng.normal(0.2, 0.35, (3, 1, 3, 3))).astype(np.float32)
        bias = rng.uniform(-0.05, 0.1, 3).astype(np.float32)
        return [
            ("conv", weights, bias), ("neuron", (3, 6, 6)), ("pool",), ("flatten",), dense(27, 5, True),
            ("neuron", (5,)),
        ]  # fmt: skip
    if network == "recurrent":
        back = rng.normal(0.0, 0.4, (8, 8)).astype(np.float32)
        return [dense(6, 8, False), ("recurrent", (8,), back), dense(8, 5, True), ("neuron", (5,))]
    biased = network == "biased"
    return [
        dense(6, 8, biased), ("neuron", (8,)), dense(8, 7, biased), ("neuron", (7,)), dense(7, 5, biased),
        ("neuron", (5,)),
    ]  # fmt: skip


def inputs(network: str) -> np.ndarray:
    """Spikes (n_steps, …) that go into a network."""
    shape = (1, 6, 6) if network in ("conv", "convs", "pool") else (6,)
    return np.random.default_rng(7).random((N_STEPS, *shape)) < 0.3


# -- frameworks -------------------------------------------------------------------------------------------------------


def framework(name: str) -> Any:
    """PyTorch, where the framework is installed too; ImportError else."""
    if name in ("sinabs", "rockpool"):
        sys.modules.setdefault("samna", None)  # type: ignore[arg-type] # drivers of hardware, which look for updates
    importlib.import_module(name)
    return importlib.import_module("torch")


def stepped(torch: Any, model: Any, neurons: list, x: np.ndarray) -> list[np.ndarray]:
    """What each of some modules sends in each step."""
    found: list[list] = [[] for _ in neurons]
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, into=into: into.append(first(out).detach().numpy().ravel()))
        for module, into in zip(neurons, found, strict=True)
    ]
    with torch.no_grad():
        for step in torch.tensor(x, dtype=torch.float32):
            model(step[None])
    for hook in hooks:
        hook.remove()
    return [np.array(one) for one in found]


def first(out: Any) -> Any:
    """The spikes among what a module returns."""
    return out[0] if isinstance(out, tuple) else out


def plain(torch: Any, layer: tuple, pool: Any = None) -> Any:
    """A layer without neurons."""
    kind = layer[0]
    if kind == "flatten":
        return torch.nn.Flatten()
    if kind == "pool":
        return pool
    weights, bias = torch.tensor(layer[1]), layer[2]
    if kind == "conv":
        module = torch.nn.Conv2d(weights.shape[1], weights.shape[0], weights.shape[2:], padding=1)
    else:
        module = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=bias is not None)
    module.weight.data = weights
    if bias is not None:
        module.bias.data = torch.tensor(bias)
    return module


def sequential(torch: Any, case: Case, neuron: Callable[[tuple], Any], pool: Any = None) -> tuple[Any, list]:
    """A torch.nn.Sequential, and its modules of neurons."""
    modules, neurons = [], []
    for layer in layers(case.network, case.neuron):
        is_neuron = layer[0] in ("neuron", "recurrent")
        modules.append(neuron(layer) if is_neuron else plain(torch, layer, pool))
        neurons += [modules[-1]] * is_neuron
    return torch.nn.Sequential(*modules), neurons


def of_snntorch(case: Case, x: np.ndarray) -> Result:
    torch = framework("snntorch")
    import snntorch
    from snntorch.export_nir import export_to_nir

    mechanism = {"soft": "subtract", "hard": "zero"}[case.options["reset"]]
    delay = case.options.get("resets") != "at_spike"
    given = {"init_hidden": True, "reset_mechanism": mechanism, "reset_delay": delay}

    def neuron(layer: tuple) -> Any:
        beta, threshold = torch.full(layer[1], 1 - 1 / TAU), torch.ones(layer[1])
        if layer[0] == "recurrent":
            given["linear_features"] = layer[1][0]
            if case.neuron == "cuba":
                alpha = torch.full(layer[1], 1 - 1 / TAU_SYN)
                module = snntorch.RSynaptic(alpha, beta, threshold=threshold, **given)
            else:
                module = snntorch.RLeaky(beta, threshold=threshold, **given)
            given.pop("linear_features")
            module.recurrent.weight.data, module.recurrent.bias.data = (
                torch.tensor(layer[2]),
                torch.full(layer[1], 0.05),
            )
            return module
        if case.neuron == "cuba":
            alpha = torch.full(layer[1], 1 - 1 / TAU_SYN)
            return snntorch.Synaptic(alpha, beta, threshold=threshold, **given)
        return snntorch.Leaky(beta, threshold=threshold, **given)

    model, neurons = sequential(torch, case, neuron, torch.nn.AvgPool2d(2))
    spikes = stepped(torch, model, neurons, x)
    return Result(spikes, export_to_nir(model, torch.zeros(1, *x.shape[1:]), ignore_dims=[0]))


def of_norse(case: Case, x: np.ndarray) -> Result:
    torch = framework("norse")
    import norse.torch as norse
    from norse.torch.functional.reset import reset_subtract, reset_value

    method = {"soft": reset_subtract, "hard": reset_value}[case.options["reset"]]
    scaled = {"lif": TAU, "cuba": 3 * TAU / TAU_SYN, "if": 1.0}[case.neuron]

    def neuron(layer: tuple) -> Any:
        full = torch.ones(layer[1])  # nir 1.0.8 does not write single numbers
        given = {"v_th": full, "v_leak": 0 * full, "tau_mem_inv": full * (1000.0 / TAU)}
        if case.neuron == "lif":
            return norse.LIFBoxCell(norse.LIFBoxParameters(**given, reset_method=method), dt=0.001)
        if case.neuron == "cuba":
            return norse.LIFCell(norse.LIFParameters(**given, tau_syn_inv=full * (1000.0 / TAU_SYN)), dt=0.001)
        return norse.IAFCell(norse.IAFParameters(v_th=full), dt=0.001)

    inner, neurons = sequential(torch, case, neuron)
    model = norse.SequentialState(*inner)
    for layer in model:
        if hasattr(layer, "weight"):
            layer.weight.data *= scaled
    states: list[Any] = [None]

    def stateful(step: Any) -> None:
        _, states[0] = model(step, states[0])

    spikes = stepped(torch, stateful, neurons, x)
    return Result(spikes, norse.to_nir(model, torch.zeros(*x.shape[1:]), dt=0.001))


def of_sinabs(case: Case, x: np.ndarray) -> Result:
    torch = framework("sinabs")
    import sinabs.layers as sl
    from sinabs.activation import MembraneReset, MembraneSubtract, MultiSpike, SingleSpike
    from sinabs.nir import to_nir

    reset = MembraneSubtract() if case.options["reset"] == "soft" else MembraneReset()
    fires = MultiSpike if case.setting.get("many") else SingleSpike
    given = {"spike_fn": fires, "reset_fn": reset, "batch_size": 1}
    norm = case.options["norm_input"]

    def neuron(layer: tuple) -> Any:
        given["spike_threshold"] = torch.ones(layer[1])
        if case.neuron == "if":
            return sl.IAFSqueeze(**given)
        return sl.LIFSqueeze(tau_mem=torch.full(layer[1], TAU), norm_input=norm, **given)

    model, neurons = sequential(torch, case, neuron, sl.SumPool2d(2))
    for layer in model:
        if norm and case.neuron == "lif" and hasattr(layer, "weight"):
            layer.weight.data *= TAU
    spikes = stepped(torch, model, neurons, x)
    return Result(spikes, to_nir(model, torch.zeros(1, *x.shape[1:])))


def of_spikingjelly(case: Case, x: np.ndarray) -> Result:
    torch = framework("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    decays, v_reset = case.setting.get("decay_input", False), case.setting.get("v_reset", 0.0)

    def made(_layer: tuple) -> Any:
        if case.neuron == "if":
            return neuron.IFNode(v_reset=v_reset)
        if case.neuron == "cuba":
            return neuron.CUBALIFNode(c_decay=1 - 1 / TAU_SYN, v_decay=1 - 1 / TAU, v_reset=v_reset)
        return neuron.LIFNode(tau=TAU, decay_input=decays, v_reset=v_reset)

    model, neurons = sequential(torch, case, made, torch.nn.AvgPool2d(2))
    for layer in model:
        if decays and hasattr(layer, "weight"):
            layer.weight.data *= TAU
    spikes = stepped(torch, model, neurons, x)
    functional.reset_net(model)
    return Result(spikes, export_to_nir(model, torch.zeros(1, *x.shape[1:]), dt=1e-4))


def of_rockpool(case: Case, x: np.ndarray) -> Result:
    torch = framework("rockpool")
    from rockpool.nn.modules import LIFNeuronTorch, LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir

    given = {"tau_mem": 0.001 * TAU, "threshold": 1.0, "dt": 0.001}
    if not case.setting.get("many"):
        given["max_spikes_per_dt"] = torch.tensor(1.0)
    modules, neurons = [], []
    for layer in layers(case.network, case.neuron):
        if layer[0] == "dense":
            module = LinearTorch(layer[1].shape[::-1], has_bias=layer[2] is not None)
            module.weight.data = torch.tensor(layer[1].T)
            if layer[2] is not None:
                module.bias.data = torch.tensor(layer[2])
            modules.append(module.to_torch())
        else:
            more = {"has_rec": True, "w_rec": torch.tensor(layer[2].T)} if layer[0] == "recurrent" else {}
            made = LIFNeuronTorch if case.neuron == "lif" else LIFTorch
            more |= {} if case.neuron == "lif" else {"tau_syn": 0.001 * TAU_SYN}
            modules.append(made(layer[1][0], **given, **more).to_torch())
            neurons.append(modules[-1])
    model = torch.nn.Sequential(*modules)
    found: list[np.ndarray] = []
    for module in neurons:
        module.register_forward_hook(lambda _m, _i, out: found.append(first(out).detach().numpy()[0]))
    with torch.no_grad():
        model(torch.tensor(x[None], dtype=torch.float32))
    return Result(list(found[: len(neurons)]), to_nir(model, torch.zeros(1, 1, x.shape[1])))


FRAMEWORKS: dict[str, tuple[Callable[[Case, np.ndarray], Result], float]] = {
    "snntorch": (of_snntorch, 1e-4), "norse": (of_norse, 1e-3), "sinabs": (of_sinabs, 1e-3),
    "spikingjelly": (of_spikingjelly, 1e-4), "rockpool": (of_rockpool, 1e-3),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """All of them; `setting` is given where a framework differs from what its exporter can say."""
    soft, hard = {"reset": "soft"}, {"reset": "hard"}
    for network, reset in itertools.product(("dense", "biased", "conv", "pool", "recurrent"), (soft, hard)):
        yield Case("snntorch", network, "lif", reset)
        if network == "dense":
            yield Case("snntorch", "weak", "lif", reset | {"resets": "at_spike"})
        if network in ("dense", "conv", "recurrent"):
            yield Case("snntorch", network, "cuba", reset)
    for network in ("dense", "biased", "convs"):  # its Flatten has no node
        yield Case("norse", network, "lif", soft)
        for neuron in ("lif", "cuba", "if"):
            yield Case("norse", network, neuron, hard)
    for network, reset in itertools.product(("dense", "biased", "conv", "pool"), (soft, hard)):
        yield Case("sinabs", network, "lif", reset | {"norm_input": True})
        yield Case("sinabs", network, "lif", reset | {"norm_input": False})
        yield Case("sinabs", network, "if", reset | {"norm_input": False})
    for network in ("dense", "biased", "conv", "pool"):
        yield Case("spikingjelly", network, "if", {})
        yield Case("spikingjelly", network, "lif", {})
        yield Case("spikingjelly", network, "lif", {}, {"decay_input": True})
        yield Case("spikingjelly", network, "cuba", {})
    yield Case("spikingjelly", "dense", "lif", {}, {"v_reset": -0.25})
    yield Case("spikingjelly", "dense", "if", {}, {"v_reset": -0.25})
    for network, neuron in itertools.product(("dense", "biased"), ("lif", "cuba")):
        yield Case("rockpool", network, neuron, {})


# -- here -------------------------------------------------------------------------------------------------------------


def read(case: Case, path: str | Path, reading: str) -> Any:
    """The network that `read_nir` makes of the exporter's file."""
    from eventsim import models

    dt = FRAMEWORKS[case.framework][1]
    options = {key: value for key, value in case.options.items() if reading == "clocked" or key != "resets"}
    return models.read_nir(path, 1.0, dt=dt, reading=reading, exporter=case.framework, **options)


def spikes_here(net: Any, x: np.ndarray, dt: float) -> list[np.ndarray]:
    """Spikes of each population, bool (n_steps, size): those of step k are in (k - 1, k] dt."""
    import eventsim

    flat = x.reshape(len(x), -1)
    trains = [[(np.flatnonzero(column) * dt).tolist() for column in flat.T]]
    run = eventsim.simulate(net, eventsim.SpikeTimes(trains), until=(len(x) - 0.5) * dt, engine="reference")
    names, found = list(run.populations), []
    for population in net.populations:
        mine = run.spikes[run.spikes["population"] == names.index(population.name)]
        steps = np.ceil(mine["time"] / dt - 1e-6).astype(int)
        grid = np.zeros((len(x), population.size), bool)
        inside = steps < len(x)
        grid[steps[inside], mine["neuron"][inside]] = True
        found.append(grid)
    return found


def compare(
    case: Case, folder: Path, readings: tuple[str, ...]
) -> tuple[Any, list[np.ndarray], dict[str, list[np.ndarray] | None]]:
    """The last network here, the exporter's spikes, and those here by reading; None: one fires twice at one time.

    The file is net.nir in the folder.
    """
    nir = importlib.import_module("nir")
    run, dt = FRAMEWORKS[case.framework]
    x = inputs(case.network)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of the frameworks, about each other; nir prints its own
        result = run(case, x)
        path = folder / "net.nir"
        if any(getattr(node, "input_shape", 0) is None for node in result.graph.nodes.values()):
            result.graph.infer_types()  # of convolutions, which sinabs leaves open and nir does not write so
        nir.write(path, result.graph)
    from eventsim.errors import SimulationError

    here: dict[str, list[np.ndarray] | None] = dict.fromkeys(readings)
    net = None
    for reading in readings:
        net = read(case, path, reading)
        try:
            here[reading] = spikes_here(net, x, dt)
        except SimulationError as error:  # a soft reset from above twice the threshold, in no time
            if reading == "clocked" or "twice" not in str(error):
                raise
    return net, [spikes > 0 for spikes in result.spikes], here


NETWORKS = ("dense", "weak", "biased", "conv", "convs", "pool", "recurrent")


def main() -> None:
    """Print the table of the docs: a line for each kind of neuron and reset, a column for each network."""
    import tempfile

    rows: dict[str, dict[str, str]] = {}
    for case in cases():
        # Without a limit of one spike a step, what excites itself over a synapse may run away.
        readings = ("clocked",) if (case.network, case.neuron) == ("recurrent", "cuba") else ("clocked", "continuous")
        try:
            with tempfile.TemporaryDirectory() as folder:
                _, theirs, here = compare(case, Path(folder), readings)
        except ImportError:
            continue
        clocked, continuous = here["clocked"], here.get("continuous")
        total = int(sum(layer.sum() for layer in theirs))
        same = clocked is not None and all(map(np.array_equal, theirs, clocked))
        entry = f"{total:,}" if same else f"{total:,}, not the same"
        if continuous is None:
            entry += " (twice)" if "continuous" in here else " (not run)"
        else:
            hit = sum(int((a & b).sum()) for a, b in zip(theirs, continuous, strict=True))
            both = sum(int((a | b).sum()) for a, b in zip(theirs, continuous, strict=True))
            entry += f" ({100 * hit / both:.0f} %)"
        rows.setdefault(case.name.replace(f" {case.network} ", " "), {})[case.network] = entry
    print("| | " + " | ".join(NETWORKS) + " |")
    print("|---" * (1 + len(NETWORKS)) + "|")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(row.get(network, "") for network in NETWORKS) + " |")


if __name__ == "__main__":
    os.environ.setdefault("EVENTSIM_CACHE", "0")
    main()
