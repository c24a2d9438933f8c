"""Random networks for the tests of the engines, and what drives them; small, so that whole runs can be compared.

Each strategy gives a `Case`. A family always has the same set of models, so that a compiled loop serves all its cases.
Weights are of two kinds: small dyadic numbers, whose sums are exact, which makes ties; and the same numbers times an
irrational factor, whose sums depend on the order in which they are added.
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from golden.glif import TIMES as GLIF_TIMES
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eventsim import Conv, Dense, Network, OneToOne, Poisson, Pool, Sparse, SpikeTimes, Steps
from eventsim.models import neurons as _registered  # noqa: F401 — the models of the networks below

Draw = Any


class Case(NamedTuple):
    """A network, its input, and the time at which the run ends (None: when nothing is left)."""

    net: Network
    x: Any
    until: float | None = None

    def __repr__(self) -> str:
        """Every number, so that a failing case can be built again by hand."""
        lines = [repr(self.net)]
        for node in self.net.populations:
            lines += [f"  {node.name}.{name} = {values.tolist()}" for name, values in node.parameters.items()]
        for projection in self.net.projections:
            arrays = {name: array.tolist() for name, array in projection.kind.arrays().items()}
            lines.append(f"  {projection.label}: delay {projection.delay!r} {arrays}")
        x = self.x.tolist() if isinstance(self.x, np.ndarray) else self.x
        return "\n".join([*lines, f"  x = {x}", f"  until = {self.until}"])


SIZES = st.integers(1, 6)
EIGHTHS = st.integers(0, 8).map(lambda k: k / 8)


@st.composite
def scales(draw: Draw) -> float:
    """What small integers are multiplied with: a power of two keeps their sums exact, others do not."""
    return draw(st.sampled_from([0.25, 0.5, 1.0, math.sqrt(0.1), math.pi / 10]))


@st.composite
def numbers(draw: Draw, shape: Any, low: int = -8, high: int = 8) -> np.ndarray:
    """Integers in [low, high] times a common factor; each drawn by itself, where hypothesis would repeat one."""
    elements = st.integers(low, high)
    return draw(hnp.arrays(np.int64, shape, elements=elements, fill=st.nothing())) * draw(scales())


@st.composite
def weights_of(draw: Draw, shape: Any) -> np.ndarray:
    """Weights that excite more often than they inhibit, so that networks spike."""
    return draw(numbers(shape, -4, 12))


@st.composite
def dense(draw: Draw, n_in: int, n_out: int) -> Dense:
    return Dense(draw(weights_of((n_out, n_in))))


@st.composite
def sparse(draw: Draw, n_in: int, n_out: int) -> Sparse:
    """Any list of synapses: none, several between the same neurons, self connections."""
    n = draw(st.integers(0, 12))
    sources = draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_in - 1), fill=st.nothing()))
    targets = draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_out - 1), fill=st.nothing()))
    return Sparse(sources, targets, draw(weights_of(n)))


@st.composite
def any_projection(draw: Draw, n_in: int, n_out: int) -> Any:
    kinds = ["dense", "sparse"] + ["one_to_one"] * (n_in == n_out)
    kind = draw(st.sampled_from(kinds))
    if kind == "one_to_one":
        return OneToOne(draw(weights_of(n_in)))
    return draw(dense(n_in, n_out) if kind == "dense" else sparse(n_in, n_out))


@st.composite
def values(draw: Draw, n: int) -> np.ndarray:
    """Data in [0, 1] for up to three samples, with ties, zeros (no event) and ones (at t = 0)."""
    x = draw(hnp.arrays(np.float64, (draw(st.integers(1, 3)), n), elements=EIGHTHS))
    return x if draw(st.booleans()) else np.minimum(x * math.sqrt(0.9), 1.0)


@st.composite
def trains(draw: Draw, n: int, until: float, step: float = 0.25) -> SpikeTimes:
    """One or two samples of sorted spike trains on a grid, so that spikes of several neurons coincide."""
    ticks = st.lists(st.integers(0, int(until / step)), min_size=2, max_size=8, unique=True).map(sorted)
    samples = draw(st.integers(1, 2))
    return SpikeTimes([[[k * step for k in draw(ticks)] for _ in range(n)] for _ in range(samples)])


@st.composite
def dense_ttfs(draw: Draw) -> Case:
    """A layer of B1, one of alpha1 and a read-out in any order of the two, premature and late spikes included."""
    net = Network()
    n_in, sizes = draw(SIZES), [draw(SIZES), draw(SIZES), draw(st.integers(1, 3))]
    net.source(n_in, "input")
    order = draw(st.permutations(["b1", "alpha1"]))
    lengths = [1.0] + [draw(st.sampled_from([0.5, 1.0, 2.0, 3.25])) for _ in range(2)]
    # A window that ends before its predecessor's makes late arrivals.
    starts = {order[0]: 0.0, order[1]: draw(st.sampled_from([1.0, 0.5]))}
    minima = {order[0]: 1.0, order[1]: 1.0 + lengths[1] * draw(st.sampled_from([1.0, 1.0, 0.5]))}
    windows = {name: (starts[name], minima[name], minima[name] + lengths[1 + k]) for k, name in enumerate(order)}
    for name, size in zip(("b1", "alpha1"), sizes[:2], strict=True):
        length = windows[name][2] - windows[name][0]
        threshold = length - draw(numbers(size, -4, 4))
        slope = draw(st.sampled_from([1.0, 0.5, math.sqrt(0.3)]))
        if name == "alpha1" and draw(st.booleans()):
            slope = draw(st.sampled_from([-0.5, 0.0, 2.0]))
        net.population(f"ttfs_{name}", size, name, windows[name], threshold=threshold, slope=slope)
    last = windows[order[1]]
    net.population("integrator", sizes[2], "output", (last[1], last[2]), drift=draw(numbers(sizes[2], -2, 2)))
    size_of = dict(zip(("b1", "alpha1", "output"), sizes, strict=True)) | {"input": n_in}
    hops = [("input", order[0]), (order[0], order[1]), (order[1], "output")]
    extra = [("input", order[1]), ("input", "output"), (order[0], order[0]), (order[0], "output"), (order[1], order[0])]
    hops += draw(st.lists(st.sampled_from(extra), max_size=2))
    for pre, post in hops:
        delay = draw(st.sampled_from([0.0, 0.0, 0.0, 0.25, 0.3]))
        net.connect(pre, post, draw(dense(size_of[pre], size_of[post])), delay)
    return Case(net, draw(values(n_in)))


@st.composite
def recurrent_lif(draw: Draw) -> Case:
    """One or two populations of delayed leaky neurons with every kind of projection, drive and refractoriness."""
    net = Network()
    until = draw(st.sampled_from([4.0, 10.0]))
    n_in = draw(st.integers(1, 4))
    poisson = draw(st.booleans())
    source = net.source(n_in, "input", generator=Poisson(draw(st.sampled_from([0.2, 1.0]))) if poisson else None)
    nodes: list[Any] = [source]
    for k in range(draw(st.integers(1, 2))):
        size = draw(SIZES)
        currents: Any = st.lists(st.sampled_from([0.0, 0.75, 1.0, 1.5, 1.5, 3.0]), min_size=size, max_size=size)
        currents = draw(st.one_of(currents, steps(size, until)))
        nodes.append(
            net.population(
                "lif_delta", size, f"lif{k}", tau_mem=draw(st.sampled_from([2.0, 10.0])), current=currents,
                t_ref=draw(st.sampled_from([0.0, 0.5, 1.0, 2.1])), v_reset=draw(st.sampled_from([0.0, -0.5])),
                v_leak=draw(st.sampled_from([0.0, 0.1])), v_init=draw(st.sampled_from([0.0, 0.5])),
                reset=draw(st.sampled_from(["hard", "hard", "soft"])),
                spikes=draw(st.sampled_from(["many", "many", "once"])),
            )
        )  # fmt: skip
    for _ in range(draw(st.integers(2, 5))):
        pre, post = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes[1:]))
        # A zero delay against the order of creation could make a neuron fire twice at one time.
        delays = [0.25, 0.5, 1.0, 0.3] + [0.0] * (pre.order < post.order)
        net.connect(pre, post, draw(any_projection(pre.size, post.size)), draw(st.sampled_from(delays)))
    return Case(net, None if poisson else draw(trains(n_in, until)), until)


@st.composite
def steps(draw: Draw, size: int, until: float) -> Steps:
    """A current of one to four pieces, the same for all neurons or not, above and below the threshold."""
    n = draw(st.integers(1, 4))
    times = sorted(draw(st.lists(st.integers(1, int(4 * until)), min_size=n - 1, max_size=n - 1, unique=True)))
    shape = draw(st.sampled_from([(n,), (n, size)]))
    values = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.75, 1.0, 1.5, 3.0, -2.0])))
    return Steps([0.0, *(k / 4 for k in times)], values)


@st.composite
def travelling(draw: Draw) -> Case:
    """Leaky neurons whose synapses have delays of their own, zero among them, beside projections of one delay."""
    net = Network()
    until = draw(st.sampled_from([4.0, 10.0]))
    nodes: list[Any] = [net.source(draw(st.integers(1, 3)), "input")]
    for k in range(2):
        nodes.append(  # noqa: PERF401 - each draw depends on the network so far
            net.population(
                "lif_delta", draw(SIZES), f"lif{k}", tau_mem=draw(st.sampled_from([2.0, 10.0])),
                current=draw(st.sampled_from([0.0, 0.75, 1.5, 1.5])), t_ref=draw(st.sampled_from([0.0, 0.5, 2.1])),
            )
        )  # fmt: skip
    hops = [(0, 1), (1, 2), (2, 1), *draw(st.lists(st.sampled_from([(0, 2), (1, 1), (2, 2), (1, 2)]), max_size=2))]
    for number, (pre, post) in enumerate(hops):
        forward = [0.0] * (pre < post)  # a zero delay in a circle could make a neuron fire twice at one time
        delays = st.sampled_from([0.25, 0.5, 0.75, 1.0, 0.3, 2.5, *forward])
        plain = draw(sparse(nodes[pre].size, nodes[post].size))
        own = draw(st.lists(delays, min_size=len(plain.weights), max_size=len(plain.weights)))
        if number > 2 and draw(st.booleans()):
            net.connect(nodes[pre], nodes[post], plain, draw(delays))
        else:
            net.connect(nodes[pre], nodes[post], Sparse(plain.sources, plain.targets, plain.weights, own))
    return Case(net, draw(trains(nodes[0].size, until)), until)


EXPONENTIAL = ("lif_exp", "if_exp", "lif_alpha", "alpha_psp")


@st.composite
def recurrent_exponential(draw: Draw, models: tuple[str, ...] = EXPONENTIAL) -> Case:
    """A population of each model, delayed projections between any two, equal and unequal time constants."""
    net = Network()
    until = draw(st.sampled_from([4.0, 10.0]))
    n_in = draw(st.integers(1, 4))
    poisson = draw(st.booleans())
    nodes: list[Any] = [
        net.source(n_in, "input", generator=Poisson(draw(st.sampled_from([0.2, 1.0]))) if poisson else None)
    ]
    for k, model in enumerate(models):
        size = draw(SIZES)
        given: dict[str, Any] = {
            "tau_syn": draw(st.sampled_from([0.5, 2.0, 4.0, 2.0 + 2.0**-40])),
            "t_ref": draw(st.sampled_from([0.0, 0.5, 2.1])), "v_reset": draw(st.sampled_from([0.0, -0.5])),
            "v_init": draw(st.sampled_from([0.0, 0.5])), "spikes": draw(st.sampled_from(["many", "many", "once"])),
        }  # fmt: skip
        if model.startswith("lif"):
            currents: Any = st.lists(st.sampled_from([0.0, 0.75, 1.0, 1.5, 3.0]), min_size=size, max_size=size)
            if model != "lif_exp":  # the oracle for it knows constant drives alone
                currents = st.one_of(currents, steps(size, until))
            given |= {"current": draw(currents), "r": draw(st.sampled_from([1.0, 2.0, -1.0]))}
            given |= {"tau_mem": draw(st.sampled_from([2.0, 10.0]))}
        if model == "lif_exp":
            given |= {"i_init": draw(st.sampled_from([0.0, 1.0, -0.75]))}
        nodes.append(net.population(model, size, f"{model}{k}", **given))
    for _ in range(draw(st.integers(2, 6))):
        pre, post = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes[1:]))
        delays = [0.25, 0.5, 1.0, 0.3] + [0.0] * (pre.order < post.order)
        net.connect(pre, post, draw(any_projection(pre.size, post.size)), draw(st.sampled_from(delays)))
    return Case(net, None if poisson else draw(trains(n_in, until)), until)


@st.composite
def clocked(draw: Draw) -> Case:
    """Two clocked layers that may be recurrent, with delays in ticks and others, and input at and between ticks."""
    net = Network()
    period = draw(st.sampled_from([1.0, 0.1, 0.3]))
    n_in = draw(st.integers(1, 4))
    nodes: list[Any] = [net.source(n_in, "input")]
    for k in range(2):
        nodes.append(  # noqa: PERF401 - each draw depends on the network so far
            net.population(
                "lif_clocked", draw(SIZES), f"layer{k}", period=period * draw(st.sampled_from([1, 1, 2])),
                decay=draw(st.sampled_from([0.5, 0.9, 1.0])), v_threshold=draw(st.sampled_from([0.5, 1.0])),
                bias=draw(st.sampled_from([0.0, 0.25, 0.25, -0.1])), reset=draw(st.sampled_from(["soft", "hard"])),
                comparator=draw(st.sampled_from(["inclusive", "strict"])),
                sees=draw(st.sampled_from(["same_step", "same_step", "next_step"])),
                resets=draw(st.sampled_from(["at_spike", "next_tick", "before_leak"])),
                decay_syn=draw(st.sampled_from([0.0, 0.0, 0.5, 0.9])),
                spikes=draw(st.sampled_from(["many", "many", "once"])),
                leaks=draw(st.sampled_from(["before_input", "after_input"])),
            )
        )  # fmt: skip
    hops = [(0, 1), (1, 2), *draw(st.lists(st.sampled_from([(0, 2), (1, 1), (2, 1), (2, 2)]), max_size=3))]
    for pre, post in hops:
        delay = draw(st.sampled_from([0.0, 0.0, 0.0, period, 3 * period, period / 2]))
        net.connect(nodes[pre], nodes[post], draw(any_projection(nodes[pre].size, nodes[post].size)), delay)
    step = period * draw(st.sampled_from([1.0, 0.5]))
    return Case(net, draw(trains(n_in, 12 * period, step)), 15.5 * period)


@st.composite
def jumping(draw: Draw) -> Case:
    """Step potentials, with currents too, and linear ones under a falling threshold; everything can be exact."""
    net = Network()
    n = draw(st.integers(1, 4))
    nodes: list[Any] = [net.source(n, "input")]
    for model in ("step_psp", "if_delta"):
        given = {} if model == "step_psp" else {"current": draw(st.sampled_from([0.0, 0.5, 0.5, -0.25]))}
        nodes.append(
            net.population(
                model, n, model,
                v_threshold=draw(st.sampled_from([0.5, 1.0])),
                v_reset=draw(st.sampled_from([0.0, -0.5])), t_ref=draw(st.sampled_from([0.0, 0.5, 1.0])),
                reset=draw(st.sampled_from(["hard", "soft"])), spikes=draw(st.sampled_from(["many", "once"])),
                comparator=draw(st.sampled_from(["inclusive", "strict"])),
                **given,
            )
        )  # fmt: skip
    threshold = 1.0 + draw(numbers(n, -4, 8)) / 4
    decline = draw(st.sampled_from([1.0, 0.0, 0.5]))
    nodes.append(
        net.population("falling_threshold", n, "falling", (0.5, 1.0, 3.0), threshold=threshold, decline=decline)
    )
    for _ in range(draw(st.integers(2, 8))):
        pre, post = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes[1:]))
        delays = [0.25, 0.5, 1.0, 0.3] + [0.0, 0.0] * (pre.order < post.order)
        net.connect(pre, post, draw(any_projection(n, n)), draw(st.sampled_from(delays)))
    return Case(net, draw(trains(n, 3.0)), 5.0)


SEES = ("same_step", "next_step")


@st.composite
def mixed(draw: Draw, leaky: bool = True) -> Case:
    """All models in one network, and every kind of projection between any two of them.

    Without the `leaky` one, which needs exponentials, everything can be exact.
    """
    net = Network()
    n = draw(st.integers(1, 4))
    nodes: list[Any] = [net.source(n, "input")]
    nodes.append(net.population("linear_psp", n, "psp", threshold=1.0 + draw(numbers(n, 0, 4))))
    nodes.append(net.population("ttfs_b1", n, "b1", (0.0, 1.0, 3.0), threshold=1.0 + draw(numbers(n, -4, 4))))
    nodes.append(
        net.population("ttfs_alpha1", n, "alpha1", (0.5, 2.0, 4.0), threshold=2.0 + draw(numbers(n, -4, 4)), slope=1.25)
    )
    nodes.append(net.population("integrator", n, "output", (1.0, 3.0), drift=draw(numbers(n, -2, 2))))
    if leaky:
        t_ref = draw(st.sampled_from([0.5, 1.0]))
        nodes.append(net.population("lif_delta", n, "lif", tau_mem=2.0, current=draw(EIGHTHS) * 2, t_ref=t_ref))
    nodes.append(net.population("lif_clocked", n, "clocked", period=0.25, decay=0.75, sees=draw(st.sampled_from(SEES))))
    for _ in range(draw(st.integers(2, 8))):
        pre, post = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes[1:]))
        delays = [0.25, 0.5, 1.0, 0.3] + [0.0, 0.0] * (pre.order < post.order)
        net.connect(pre, post, draw(any_projection(n, n)), draw(st.sampled_from(delays)))
    return Case(net, draw(trains(n, 3.0)), 5.0)


@st.composite
def recurrent_glif(draw: Draw) -> Case:
    """Recurrent populations with all that the model has; refractory, since they may excite themselves without end."""
    net, few = Network(), st.sampled_from
    nodes: list[Any] = [net.source(2, "input")]
    for k in range(2):
        taus = {name: draw(few([2.0, 5.0, 5.0 + 2.0**-40, 20.0])) for name in GLIF_TIMES}
        own = {
            "coupling": draw(few([0.0, 0.25, -0.5])), "threshold_jump": draw(few([0.0, 0.5])),
            "t_ref": draw(few([0.5, 1.0])), "spikes": draw(few(["many", "many", "once"])),
            "after_1": draw(few([0.0, -0.5, 0.25])), "kept_1": draw(few([1.0, 0.0])), "after_2": draw(few([0.0, 1.0])),
            "current": draw(few([0.0, 1.5])), "v_reset": draw(few([0.0, -0.5])),
        }  # fmt: skip
        nodes.append(net.population("glif", draw(st.integers(1, 3)), f"cells{k}", **taus, **own))
    for pre, post in itertools.product(nodes, nodes[1:]):
        weights = draw(
            st.lists(few([0.0, 3.0, -2.0, 6.0]), min_size=pre.size * post.size, max_size=pre.size * post.size)
        )
        net.connect(pre, post, Dense(np.reshape(weights, (post.size, pre.size))), delay=draw(few([0.5, 1.25])))
    ticks = st.lists(st.integers(0, 30), max_size=6, unique=True).map(sorted)
    return Case(net, SpikeTimes([[[k / 4 for k in draw(ticks)] for _ in range(2)] for _ in range(2)]), 15.0)


PADS = st.integers(0, 2)


@st.composite
def geometry(draw: Draw, n: int) -> dict[str, Any]:
    """Kernel, stride, padding and dilation of `n` axes."""
    each = [st.lists(s, min_size=n, max_size=n) for s in (st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))]
    kernel, stride, dilation = (tuple(draw(s)) for s in each)
    return {"kernel": kernel, "stride": stride, "padding": [[draw(PADS), draw(PADS)] for _ in range(n)],
            "dilation": dilation}  # fmt: skip


@st.composite
def convolution(draw: Draw, shape: tuple[int, ...]) -> Conv:
    """Any convolution that makes something of (channels, *positions)."""
    found = draw(geometry(len(shape) - 1))
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
    n_out = groups * draw(st.integers(1, 3))
    weights = draw(numbers((n_out, shape[0] // groups, *found.pop("kernel"))))
    kind = Conv(weights, groups=groups, **found)
    assume(min(kind.output_shape(shape)) >= 1)
    return kind


@st.composite
def convolutional(draw: Draw) -> Case:
    """Two convolutions of windowed neurons, a pool and a dense read-out, with delays or not, late and premature."""
    net = Network()
    n = draw(st.integers(1, 2))
    shape = (draw(st.integers(1, 3)), *(draw(st.integers(1, 4)) for _ in range(n)))
    before: Any = net.source(shape, "input")
    first = draw(convolution(shape))
    delay = draw(st.sampled_from([0.0, 0.0, 0.25]))
    for k, model in enumerate(draw(st.permutations(["ttfs_b1", "ttfs_alpha1"]))):
        kind = first if k == 0 else draw(convolution(before.shape))
        into = kind.output_shape(before.shape)
        window = (float(k), 1.0 + k, 2.5 + k)
        threshold = 1.5 - draw(numbers(int(np.prod(into)), -4, 4))
        population = net.population(model, into, model, window, threshold=threshold, slope=1.0)
        net.connect(before, population, kind, delay)
        before = population
    field = Pool((2,) * n, padding=1)
    into = field.output_shape(before.shape)
    pool = net.population("relay", into, "pool", (1.5, 2.0, 3.5), count=draw(st.integers(1, 2)))
    net.connect(before, pool, field)
    before = pool
    net.population("integrator", 2, "output", (2.0, 3.5))
    net.connect(before, "output", Dense(draw(numbers((2, before.size)))))
    x = draw(st.lists(EIGHTHS, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return Case(net, np.array(x).reshape(1, *shape))


# Around one and two of the blocks of 64 in which the compiled engine looks at a cohort.
AROUND_BLOCKS = (63, 64, 65, 127, 128, 129)


@st.composite
def large(draw: Draw) -> Case:
    """A layer of some 64 or 128 neurons that spike once or never, between two dense projections, and one that leaks.

    Weights come from a stream of their own: hypothesis draws single numbers too slowly for so many.
    """
    net, few = Network(), st.sampled_from
    seed, n_in = draw(st.integers(0, 2**32 - 1)), draw(st.integers(2, 5))
    stream = np.random.default_rng(seed)
    size = int(stream.choice(AROUND_BLOCKS))
    scale = draw(scales())

    def weights(n_out: int, n: int) -> np.ndarray:
        return stream.integers(-2, 8, (n_out, n)) * scale

    net.source(n_in, "input")
    threshold = 0.5 + stream.integers(0, 8, size) / 4
    model = draw(few(["ttfs_b1", "ttfs_alpha1", "linear_psp"]))
    if model == "linear_psp":
        net.population(model, size, "layer", threshold=threshold)
    else:
        net.population(model, size, "layer", (0.0, 1.0, 3.0), threshold=threshold, slope=1.0)
    net.connect("input", "layer", Dense(weights(size, n_in)), draw(few([0.0, 0.0, 0.25])))
    t_ref = draw(few([0.0, 0.5]))
    net.population("lif_delta", 3, "leaky", tau_mem=2.0, v_threshold=4.0, t_ref=t_ref)
    net.connect("layer", "leaky", Dense(weights(3, size)), draw(few([0.0, 0.25])))
    net.connect("leaky", "layer", Dense(weights(size, 3)), 0.5)
    return Case(net, draw(values(n_in)), 4.0)


# Networks of every kind.
ANY = st.one_of(
    dense_ttfs(),
    recurrent_lif(),
    travelling(),
    recurrent_exponential(),
    clocked(),
    mixed(),
    jumping(),
    recurrent_glif(),
    convolutional(),
)
