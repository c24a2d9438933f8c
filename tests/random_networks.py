"""Nasty random networks: every model, projection, stage, recording and interruption, parameters over decades and edges.

A case is a function of one integer (`case`), so that a run of a million of them can be cut into pieces and repeated.
Half of the numbers are plain, which makes ties and many spikes; the others go over twelve decades or sit at an edge of
float64. Budgets keep every run short: what a budget leaves is compared like all else. Used by `torture` and by
`test_edges`.
"""

import json
import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eventsim import Conv, Dense, EventsimError, Network, OneToOne, Pool, Sparse, SpikeTimes, Steps, load_network
from eventsim.fabric import AerBus
from eventsim.network.neuron_model import Parameter, find_model

RAMPS = ("ttfs_b1", "ttfs_alpha1", "linear_psp", "integrator", "relay")
STEPS = ("if_delta", "step_psp", "falling_threshold")
DELTAS = ("lif_delta", "lif_delta", "qif")  # the oracle knows the first
CURRENTS = ("lif_exp", "if_exp", "lif_alpha", "alpha_psp")
RECEPTORS = ("lif_exp", "lif_alpha")  # both in every network, with two receptors each: a loop of test_receptors
TWO = ("excitatory", "inhibitory")
FAMILIES = {
    "ramps": RAMPS, "steps": STEPS, "leaky": DELTAS, "clocked": ("lif_clocked",), "currents": CURRENTS,
    "glif": ("glif",), "mixed": (*RAMPS, *DELTAS, "lif_clocked"), "receptors": RECEPTORS,
}  # fmt: skip
WINDOWED = ("ttfs_b1", "ttfs_alpha1", "integrator", "relay", "falling_threshold")
PLAIN = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
EDGES = (
    0.0, 5e-324, 2.0**-1022, 1e-300, 1e-30, 2.0**-53, 1e-15, 0.5 + 2.0**-53, 1.0 - 2.0**-53, 1.0 + 2.0**-52, 2.0**53,
    1e15, 1e18, 1e60,
)  # fmt: skip
SIZES = (1, 1, 2, 3, 4, 5, 6, 63, 64, 65, 127, 128, 129)
MOST_EVENTS = 600
TRIES = 50  # a network that is refused is no case


@dataclass
class Case:
    """A network, its samples, and how it is to be run.

    `x` : as `simulate` takes it. `options` : of `simulate`, in words that a file can hold (`simulate_options`).
    `cuts` : numbers of events after which the run is interrupted and taken up again.
    """

    net: Network
    x: Any
    options: dict[str, Any]
    cuts: list[int] = field(default_factory=list)

    def __repr__(self) -> str:
        """Every number, so that a failing case can be built again by hand."""
        lines = [repr(self.net)]
        for node in self.net.populations:
            lines += [f"  {node.name}.{name} = {values.tolist()}" for name, values in node.parameters.items()]
            lines += [f"  {node.name}.{name}: {steps}" for name, steps in node.steps.items()]
        for projection in self.net.projections:
            arrays = {name: array.tolist() for name, array in projection.kind.arrays().items()}
            lines.append(f"  {projection.label}: delay {projection.delay!r} receptor {projection.receptor!r} {arrays}")
        return "\n".join([*lines, f"  x = {self.x}", f"  options = {self.options}, cuts = {self.cuts}"])

    def simulate_options(self) -> dict[str, Any]:
        """What `simulate` takes."""
        given = dict(self.options)
        given["faults"] = given.get("faults", [])
        if "service" in given:
            given["transport"] = AerBus(given.pop("service"))
        return given

    def save(self, stem: Path) -> None:
        """Write ``stem.npz`` (the network) and ``stem.json`` (all else)."""
        self.net.save(stem.with_suffix(".npz"))
        times = None if self.x is None else [[list(map(float, train)) for train in sample] for sample in self.x.times]
        entry = {"times": times, "options": self.options, "cuts": self.cuts}
        stem.with_suffix(".json").write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, stem: Path) -> "Case":
        """What `save` wrote."""
        entry = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        x = None if entry["times"] is None else SpikeTimes(entry["times"])
        return cls(load_network(stem.with_suffix(".npz")), x, entry["options"], entry["cuts"])


def case(number: int, family: str | None = None, stages: bool = True) -> Case:
    """Case `number` of a family, or of all of them in turn; with faults and a transport now and then, or never."""
    draw = random.Random(number)
    names = list(FAMILIES)
    family = names[number % len(names)] if family is None else family
    for _ in range(TRIES):
        try:
            return _Draws(draw, family, stages).case()
        except EventsimError:
            continue
    return _Draws(draw, family, stages, calm=True).case()


class _Draws:
    """One case's draws; `calm`: no number that a model may refuse."""

    def __init__(self, draw: random.Random, family: str, stages: bool, calm: bool = False) -> None:
        self.draw, self.models, self.family, self.stages = draw, FAMILIES[family], family, stages
        self.wild = 0.0 if calm else draw.choice([0.0, 0.0, 0.05, 0.3])  # share of numbers that are not plain
        # Zeros of many exponentials are looked for from the shortest time constant on: slow where that is 1e-308.
        many = family in ("glif", "receptors")
        self.edges = tuple(edge for edge in EDGES if edge >= 1e-30) if many else EDGES
        self.unit = 1.0 if calm or draw.random() < 0.8 else draw.choice([1e-9, 1e-3, 0.1, 1e3, 1e9, 1e15])  # of time
        self.until = self.unit * draw.choice([3.0, 6.0, 12.0])

    # -- numbers ----------------------------------------------------------------------------------------------------

    def size(self) -> float:
        """A positive number: mostly plain."""
        if self.draw.random() >= self.wild:
            return self.draw.choice(PLAIN)
        return self.draw.choice(self.edges) if self.draw.random() < 0.4 else 10.0 ** self.draw.uniform(-6.0, 6.0)

    def sign(self) -> float:
        return self.draw.choice([1.0, 1.0, -1.0])

    def time(self) -> float:
        return self.unit * self.size()

    def delay(self, forward: bool) -> float:
        """A delay; zero ones mostly forwards, since in a circle they make a neuron fire twice at one time."""
        if forward and self.draw.random() < 0.5:
            return 0.0
        return 0.0 if self.draw.random() < 0.02 else self.unit * self.draw.choice([0.25, 0.5, 1.0, 0.3, self.size()])

    def weights(self, shape: tuple[int, ...], factor: float) -> Any:
        """Small whole numbers times a common factor; some of them wild."""
        count = math.prod(shape)
        values = np.array([self.draw.randint(-4, 8) * factor for _ in range(count)], dtype=float)
        for k in range(count):
            if self.draw.random() < self.wild / 4:
                values[k] = self.sign() * self.size()
        return values.reshape(shape)

    # -- populations ------------------------------------------------------------------------------------------------

    def parameter(self, parameter: Parameter, size: int) -> Any:
        """A value of the kind that the parameter's unit asks for; None: leave it at its default."""
        if parameter.choices:
            return self.draw.choice(parameter.choices)
        if parameter.default is not None and self.draw.random() < 0.4:
            return None
        if parameter.unit == "time":
            held = parameter.name == "t_ref" and self.draw.random() < 0.5
            one: Any = lambda: 0.0 if held else self.time()  # noqa: E731
        elif parameter.name in ("v_threshold", "threshold"):
            one = self.size
        elif parameter.name in ("current", "drift", "slope", "alpha"):
            one = lambda: (self.sign() * self.size()) / (self.unit if "/time" in parameter.unit else 1.0)  # noqa: E731
        elif parameter.name in ("v_init", "v_reset", "v_leak", "i_init"):
            one = lambda: self.draw.choice([0.0, 0.0, -0.5 * self.size(), 0.4 * self.size()])  # noqa: E731
        elif parameter.name == "count":
            one = lambda: float(self.draw.randint(1, 3))  # noqa: E731
        else:
            one = lambda: min(max(self.size() * (self.sign() if parameter.low < 0 else 1.0), parameter.low),  # noqa: E731
                              parameter.high)  # fmt: skip
        if parameter.steps and self.draw.random() < 0.3:
            times = sorted({self.until * self.draw.randint(1, 7) / 8 for _ in range(self.draw.randint(1, 3))})
            return Steps([0.0, *times], [one() for _ in range(len(times) + 1)])
        return one() if self.draw.random() < 0.6 else [one() for _ in range(size)]

    def given(self, parameter: Parameter, size: int) -> Any:
        """What `Network.population` takes: a value, or one of each receptor."""
        if self.family != "receptors" or not parameter.each_receptor:
            return self.parameter(parameter, size)
        each = {receptor: self.parameter(parameter, size) for receptor in TWO}
        return {receptor: value for receptor, value in each.items() if value is not None} or None

    def population(self, net: Network, name: str, model: str, shape: tuple[int, ...]) -> Any:
        size = math.prod(shape)
        found = {p.name: self.given(p, size) for p in find_model(model).parameters}
        given = {key: value for key, value in found.items() if value is not None}
        if model == "qif":  # never below v_leak
            given["v_critical"] = np.add(given.get("v_leak", 0.0), self.draw.choice([0.0, self.size()]))
        if model == "lif_clocked":
            given["period"] = self.unit * self.draw.choice([0.25, 0.5, 1.0, 0.1])
            given["decay"] = self.draw.choice([0.5, 0.9, 1.0])
        window = None
        if model in WINDOWED:
            t_min = self.unit * self.draw.choice([0.5, 1.0, 2.0])
            window = (self.draw.choice([0.0, 0.5 * t_min]), t_min, t_min + self.time())
            if not window[1] < window[2]:
                window = (0.0, t_min, 3.0 * t_min)
        return net.population(model, shape, name, window, **given)

    # -- projections ------------------------------------------------------------------------------------------------

    def factor(self, post: Any) -> float:
        """Weights that make the population fire now and then."""
        plain = self.draw.choice([0.25, 0.5, math.sqrt(0.1), math.pi / 10])
        return plain / self.unit if post.model.name in (*RAMPS, "if_exp", "alpha_psp") else plain

    def projection(self, pre: Any, post: Any, forward: bool) -> tuple[Any, float]:
        kinds = ["dense", "sparse", "sparse"] + ["one_to_one"] * (pre.size == post.size)
        kind, factor = self.draw.choice(kinds), self.factor(post)
        if kind == "one_to_one":
            return OneToOne(self.weights((pre.size,), factor)), self.delay(forward)
        if kind == "dense" and pre.size * post.size <= 4096:
            return Dense(self.weights((post.size, pre.size), factor)), self.delay(forward)
        n = self.draw.randint(0, 3 * max(pre.size, post.size))
        sources = [self.draw.randrange(pre.size) for _ in range(n)]
        targets = [self.draw.randrange(post.size) for _ in range(n)]
        if n and self.draw.random() < 0.4:
            delays = [self.delay(forward) for _ in range(n)]
            return Sparse(sources, targets, self.weights((n,), factor), delays), 0.0
        return Sparse(sources, targets, self.weights((n,), factor)), self.delay(forward)

    def convolution(self, shape: tuple[int, ...], factor: float) -> Any:
        """A convolution of (channels, positions) that makes something of it."""
        groups = self.draw.choice([g for g in (1, 2) if shape[0] % g == 0])
        n_out = groups * self.draw.randint(1, 3)
        options = {"stride": self.draw.randint(1, 2), "padding": self.draw.randint(0, 2)}
        weights = self.weights((n_out, shape[0] // groups, self.draw.randint(1, 3)), factor)
        return Conv(weights, groups=groups, **options)

    def connect(self, net: Network, pre: Any, post: Any, kind: Any, delay: float) -> None:
        """At any of the receptors that the population has; weights have either sign at each."""
        net.connect(pre, post, kind, delay, receptor=self.draw.choice(TWO) if post.model.receptors else None)

    # -- all together -----------------------------------------------------------------------------------------------

    def case(self) -> Case:
        net = Network()
        shape = (self.draw.choice([1, 2, 3, 4]), self.draw.randint(2, 4)) if self.draw.random() < 0.3 else None
        size = self.draw.choice(SIZES) if self.draw.random() < 0.3 else self.draw.randint(1, 6)
        nodes: list[Any] = [net.source(shape or size, "input")]
        for k, model in enumerate(self.chosen_models()):
            if shape and model != "glif":
                shaped = self.draw.random() < 0.3 and nodes[-1].shape[-1] > 1
                kind = Pool((2,), padding=1) if shaped else self.convolution(nodes[-1].shape, 0.5)
                into = kind.output_shape(nodes[-1].shape)
                if min(into) < 1:
                    kind, into = self.convolution((nodes[-1].shape[0], 4), 0.5), (0, 0)
                nodes.append(self.population(net, f"{model}{k}", model, into))
                self.connect(net, nodes[-2], nodes[-1], kind, self.delay(True))
                continue
            many = self.draw.choice(SIZES) if model != "glif" and self.draw.random() < 0.2 else self.draw.randint(1, 3)
            nodes.append(self.population(net, f"{model}{k}", model, (many,)))
        for _ in range(self.draw.randint(1, 5)):
            pre, post = self.draw.choice(nodes), self.draw.choice(nodes[1:])
            self.connect(net, pre, post, *self.projection(pre, post, pre.order < post.order))
        return Case(net, self.trains(nodes[0].size), self.options(net), self.cuts())

    def chosen_models(self) -> list[str]:
        """One to three; of mixed networks one of each kind, so that one compiled loop serves all."""
        if self.family == "mixed":
            return self.draw.sample([self.draw.choice(RAMPS), self.draw.choice(DELTAS), "lif_clocked"], 3)
        if self.family == "receptors":
            return self.draw.sample(RECEPTORS, len(RECEPTORS))
        chosen = [self.draw.choice(self.models) for _ in range(self.draw.randint(1, 3))]
        return [self.draw.choice(RAMPS[:3]), *chosen[1:]] if self.family == "ramps" else chosen  # one that may spike

    def trains(self, n: int) -> SpikeTimes:
        """One to three samples; most spikes on a grid, so that they coincide, some anywhere, some at an edge."""
        step = self.until / self.draw.choice([12, 24, 48])
        samples = []
        for _ in range(self.draw.choice([1, 1, 2, 3])):
            sample = []
            for _ in range(n):
                times = {self.draw.randint(0, 40) * step for _ in range(self.draw.choice([0, 1, 2, 4]))}
                if self.draw.random() < 0.3:
                    times.add(self.draw.uniform(0.0, self.until))
                if self.draw.random() < self.wild / 4:
                    times.add(self.draw.choice([0.0, 5e-324, math.nextafter(self.until, 0.0), 1e15]))
                sample.append(sorted(times))
            samples.append(sample)
        return SpikeTimes(samples)

    def options(self, net: Network) -> dict[str, Any]:
        given: dict[str, Any] = {"until": self.until, "max_events": self.draw.choice([MOST_EVENTS, 7, 40, MOST_EVENTS])}
        spiking = [p for p in net.populations if p.model.spiking]
        if self.stages and self.draw.random() < 0.2:
            given |= self.stages_of(spiking)
        how = self.draw.random()
        if how < 0.1:
            given["record"] = self.draw.choice(["readout", "first_spikes"])
        elif how < 0.3:
            chosen = self.draw.choice(net.populations)
            given["record"] = {chosen.name: sorted({self.draw.randrange(chosen.size) for _ in range(3)})}
        if self.draw.random() < 0.3 and all(p.model.bounded is not None for p in net.populations):
            given["error_bounds"] = True
        if spiking and self.draw.random() < 0.1:
            given["stop"] = {self.draw.choice(spiking).name: self.draw.randint(1, 5)}
        given["seed"] = self.draw.randint(0, 2**31)
        return given

    def jitter(self) -> dict[str, Any]:
        """Jitter of any strength and kind."""
        choice = self.draw.choice
        return {
            "fault": "jitter", "sigma": choice([0.0, 0.1 * self.unit, self.time()]),
            "distribution": choice(["gaussian", "uniform"]), "past": choice(["carry", "clip", "drop"]),
            "paper_compat": choice([False, False, True]),
        }  # fmt: skip

    def of_windows(self) -> dict[str, Any]:
        """A fault that only windowed populations know."""
        choice = self.draw.choice
        grid = {
            "fault": "clock", "period": self.time(), "rounding": choice(["floor", "half_up", "half_even"]),
            "origin": choice(["t_min", "t_max"]), "past": choice(["carry", "drop"]),
        }  # fmt: skip
        bits, on = {"fault": "time_bits", "bits": 3}, {"fault": "always_on", "fraction": 0.3}
        return choice([grid, bits, on, {"fault": "synchronised"}])

    def stages_of(self, spiking: list[Any]) -> dict[str, Any]:
        """Emission faults where they may act, and a bus, of any strength: one compiled loop serves all of these."""
        free = [p.name for p in spiking if not p.model.relay]
        windowed = [p.name for p in spiking if p.model.windowed and not p.model.relay]
        if not free:
            return {}
        tick, choice = self.draw.choice([0.0, 0.0, 0.1 * self.unit, self.time()]), self.draw.choice
        faults: list[dict[str, Any]] = [{"fault": "clock", "period": tick, "populations": free}]
        if self.draw.random() < 0.3:
            rarely = {"spike_loss": "probability", "dead": "fraction"}
            name = choice([*rarely])
            faults.append({"fault": name, rarely[name]: choice([0.1, 0.5]), "populations": free})
        if windowed:
            faults.append(self.jitter() | {"populations": windowed})
        if windowed and self.draw.random() < 0.3:
            faults.append(self.of_windows() | {"populations": windowed})
        self.draw.shuffle(faults)
        return {"faults": faults, "service": self.draw.choice([0.0, 0.0, 0.01 * self.unit, self.time()])}

    def cuts(self) -> list[int]:
        return sorted({self.draw.randint(1, 60) for _ in range(self.draw.choice([0, 0, 0, 1, 3]))})
