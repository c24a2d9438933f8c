"""Fixed point: equal to an independent simulation of integers, tick by tick; near float64 in the limit of many bits."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from integer_chip import Chip, Layer, Projection, integers, round_fraction

import eventsim
from eventsim.errors import EventsimError, FaultError, SimulationError
from eventsim.faults import Clock, CompleteSum, FixedPoint, Jitter, Leak, manufacture, read
from eventsim.models import digits, read_relu, to_ttfs

ROUNDING = ("half_even", "floor", "half_up", "toward_zero")
OVERFLOW = ("saturate", "wrap")
RELU = read_relu({"weights": [[[1.0, -0.5], [0.5, 1.0]], [[1.0, -1.0], [0.5, 0.5]]]})
NET = to_ttfs(RELU, [[0, 1], [1, 0], [1, 1]])
X = [[0.75, 0.25], [0.5, 1.0], [1.0, 0.125]]
KINDS = {"b1": "ttfs_b1", "alpha1": "ttfs_alpha1", "psp": "linear_psp", "readout": "integrator"}


def unrolled(kernel: Any, shape: Any, stride: int, padding: int) -> Any:
    """The dense matrix of a convolution, by its definition."""
    c_out, c_in, kh, kw = kernel.shape
    _, height, width = shape
    out_h, out_w = (height + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    matrix = np.zeros((c_out, out_h, out_w, c_in, height, width))
    for y in range(out_h):
        for x in range(out_w):
            for a in range(kh):
                for b in range(kw):
                    r, c = y * stride + a - padding, x * stride + b - padding
                    if 0 <= r < height and 0 <= c < width:
                        matrix[:, y, x, :, r, c] = kernel[:, :, a, b]
    return matrix.reshape(c_out * out_h * out_w, -1), (c_out, out_h, out_w)


def random_case(seed: int) -> Any:
    """A network, its fault, the spikes of its source, and the chip that should do the same."""
    draws = np.random.default_rng(seed)
    fault = FixedPoint(
        weights=(int(draws.integers(3, 9)), int(draws.integers(1, 7))),
        membrane=(int(draws.integers(4, 12)), int(draws.integers(2, 9))),
        time=int(draws.integers(2, 6)), slope=int(draws.integers(4, 12)),
        rounding=str(draws.choice(ROUNDING)), overflow=str(draws.choice(OVERFLOW)),
    )  # fmt: skip
    chip = Chip(*fault.membrane, fault.slope, fault.weights[1], fault.time, fault.rounding, fault.overflow)
    free, conv, waits = bool(draws.random() < 0.25), bool(draws.random() < 0.4), bool(draws.random() < 0.2)
    shape = (int(draws.integers(1, 3)), 4, 4) if conv else (int(draws.integers(1, 6)),)
    n_source = math.prod(shape)
    net = eventsim.Network()
    net.source(shape, "input", window=(0.0, 1.0))
    pre, t, names = shape, 0.0, ["input"]
    n_layers = int(draws.integers(1, 4))
    for k in range(n_layers):
        last = k == n_layers - 1 and not free
        kind = "readout" if last else "psp" if free else str(draws.choice(["b1", "alpha1"]))
        if conv and k == 0:
            kernel = draws.normal(0.2, 0.7, (int(draws.integers(1, 4)), pre[0], 2, 2))
            stride, padding = int(draws.integers(1, 3)), int(draws.integers(0, 2))
            weights, post = unrolled(kernel, pre, stride, padding)
            projection: Any = eventsim.Conv(kernel, stride=stride, padding=padding)
        else:
            post = (int(draws.integers(1, 6)),)
            weights = draws.normal(0.2, 0.8, (post[0], math.prod(pre)))
            projection = eventsim.Dense(weights)
        n = math.prod(post)
        window: Any = None if free else (t, t + 1.0, t + 1.0 + float(draws.uniform(0.4, 1.5)))
        if last:
            window = (t, t + 1.0)
        given: dict[str, Any] = (
            {"drift": draws.normal(0, 0.3, n)} if last else {"threshold": draws.uniform(0.05, 1.2, n)}
        )
        if kind == "alpha1":
            given |= {"alpha": draws.uniform(0.4, 1.0, n), "slope": draws.normal(1.0, 1.0, n)}
        if kind == "b1":
            given |= {"slope": draws.uniform(0.6, 1.5, n), "threshold": draws.uniform(-0.1, 1.2, n)}
        name = f"layer{k}"
        net.population(KINDS[kind], post, name, window, **given)
        delay = float(draws.choice([0.0, 0.0, 0.3]))
        net.connect(names[-1], name, projection, delay)
        add_layer(chip, fault, kind, n, given, window, waits and not free)
        add_projection(chip, fault, k - 1, k, weights, delay)
        if k == 2 and draws.random() < 0.5:
            more = draws.normal(0, 0.6, (n, n_source))
            net.connect("input", name, eventsim.Dense(more), 1.0)
            add_projection(chip, fault, -1, k, more, 1.0)
        names.append(name)
        pre, t = post, t + 1.0 if window is None else window[1]
    times = [np.unique(draws.uniform(0.0, 0.99, int(draws.integers(0, 3)))) for _ in range(n_source)]
    ticks = [sorted({round_fraction(Fraction(float(x)) * 2**fault.time, fault.rounding) for x in one}) for one in times]
    if any(len(a) != len(b) for a, b in zip(times, ticks, strict=True)):
        return random_case(seed + 1_000_003)  # two spikes of one neuron at one tick
    if not free:
        ticks = [[tick for tick in one if tick < 2**fault.time] for one in ticks]
    return net, fault, times, ticks, chip, waits and not free


def add_layer(chip: Chip, fault: FixedPoint, kind: str, n: int, given: Any, window: Any, waits: bool) -> None:
    how = fault.rounding, fault.overflow
    slopes = (fault.weights[1], fault.slope, *how)
    start = np.broadcast_to(given.get("alpha", given.get("drift", 0.0)), (n,))
    fire = np.broadcast_to(given.get("slope", start), (n,))
    threshold = integers(given["threshold"], fault.membrane[1], fault.membrane[0], *how) if "threshold" in given else 0
    ends = (0.0, math.inf, math.inf) if window is None else (*window, math.inf)[:3]
    ticks = tuple(10**9 if t == math.inf else round_fraction(Fraction(t) * 2**fault.time, how[0]) for t in ends)
    chip.layers.append(
        Layer(kind, n, integers(start, *slopes), integers(fire, *slopes), threshold, ticks, waits=waits)  # type: ignore[arg-type]
    )


def add_projection(chip: Chip, fault: FixedPoint, pre: int, post: int, weights: Any, delay: float) -> None:
    whole = integers(weights, fault.weights[1], fault.weights[0], fault.rounding, fault.overflow)
    chip.projections.append(
        Projection(pre, post, whole, round_fraction(Fraction(delay) * 2**fault.time, fault.rounding))
    )


def usable(seed: int) -> Any:
    """A case that the fault does not refuse (a slope that rounds to 0, a window that vanishes)."""
    while True:
        case = random_case(seed)
        try:
            manufacture(case[0], case[1])
        except EventsimError:
            seed += 7_919_000
            continue
        return case


def check(case: Any, engine: str) -> tuple[int, int]:
    """Hold a run against the chip; return how many spikes and overflows it had."""
    net, fault, times, ticks, chip, waits = case
    faults = [fault, CompleteSum()] if waits and any(layer.kind != "readout" for layer in chip.layers) else [fault]
    until = 6.0
    run = eventsim.simulate(net, eventsim.SpikeTimes([times]), faults=faults, until=until, engine=engine)
    chip.run(ticks, int(until * 2**fault.time))
    column = 0
    for k, layer in enumerate(chip.layers):
        counted = run.counters["by_population"][f"layer{k}"]["overflows"]
        if layer.kind == "readout":
            found = run.readout[0, column : column + layer.n] * 2.0 ** fault.membrane[1]
            assert found.tolist() == layer.readout.tolist()
            column += layer.n
        else:
            expected = np.where(layer.spike < 0, math.inf, layer.spike * 2.0**-fault.time)
            assert run.spike_times(f"layer{k}")[0].ravel().tolist() == expected.tolist()
        assert counted == layer.overflows
    return run.counters["spikes"], run.counters["overflows"]


@pytest.mark.parametrize("block", range(8))
def test_a_run_is_that_of_integers_tick_by_tick(block: int) -> None:
    """1,200 random networks, dense and convolutional, all roundings and overflows: spikes, read-outs, counts."""
    found = [check(usable(seed), "reference") for seed in range(150 * block, 150 * block + 150)]
    assert sum(spikes for spikes, _ in found) > 300
    assert sum(overflows > 0 for _, overflows in found) > 40


def test_both_engines_count_in_integers() -> None:
    """The same networks on the compiled engine."""
    for seed in range(400):
        check(usable(seed), "compiled")


FINE = FixedPoint(weights=(32, 26), membrane=(32, 26), time=20, slope=32)


def test_many_bits_come_near_float64() -> None:
    """Each bit more of all halves the error of the times, about; with 20 bits of time it is some ticks."""
    ideal = eventsim.simulate(NET, X, engine="reference")
    fired = np.isfinite(ideal.spike_times("dense1"))
    errors = []
    for bits in (4, 8, 12, 16, 20):
        fault = FixedPoint(weights=(32, bits + 6), membrane=(32, min(bits + 6, 28)), time=bits)
        run = eventsim.simulate(NET, X, faults=[fault], engine="reference")
        assert (np.isfinite(run.spike_times("dense1")) == fired).all()
        moved = np.abs(run.spike_times("dense1")[fired] - ideal.spike_times("dense1")[fired]).max()
        errors.append(max(moved, np.abs(run.readout - ideal.readout).max()))
        assert errors[-1] <= 6 * fault.tick
    assert errors[-1] < 1e-5


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_an_overflow_that_is_an_error_ends_the_run_after_its_sample(engine: str) -> None:
    fault = FixedPoint(weights=(6, 3), membrane=(6, 3), time=3, overflow="error")
    net = eventsim.Network()
    net.source(1, "input")
    net.population("integrator", 2, "sum", (0.0, 1.0))
    net.connect("input", "sum", eventsim.Dense([[1.0], [3.0]]))
    good = FixedPoint(weights=(6, 3), membrane=(6, 3), time=3)
    assert eventsim.simulate(net, [[0.5]], faults=[fault], engine=engine).readout.tolist() == [[0.5, 1.5]]
    x = [[0.5], [0.25], [1.0], [0.5]]
    near = manufacture(net, good)
    assert eventsim.simulate(net, x, faults=[good], engine=engine).counters["overflows"] == 0
    small = FixedPoint(weights=(6, 3), membrane=(5, 3), time=3, overflow="error")
    with pytest.raises(SimulationError, match=r"sample 2: \d+ additions in 'sum' left the range.*overflow") as caught:
        eventsim.simulate(net, x, faults=[small], engine=engine, threads=1)
    run = caught.value.run
    assert run.readout[:3].tolist() == [[0.5, 1.5], [0.25, 0.75], [1.0, 1.875]]
    summed: Any = near.node("sum")
    assert summed.parameters["v_bits"].tolist() == [6.0, 6.0]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_what_arrives_between_ticks_ends_the_run(engine: str) -> None:
    """A chip's network without the clock of its inputs; and jitter without a clock behind it."""
    chip = manufacture(NET, FINE)
    with pytest.raises(SimulationError, match=r"'dense1' was reached between two of its ticks.*Clock"):
        eventsim.simulate(chip, [[0.3, 0.7]], engine=engine)
    coarse = FixedPoint(weights=(12, 8), membrane=(16, 10), time=6)
    jitter = Jitter(0.05, populations=("dense1",))
    with pytest.raises(SimulationError, match="'output' was reached between two of its ticks"):
        eventsim.simulate(NET, X, faults=[coarse, jitter], engine=engine)
    clock = Clock(coarse.tick, populations=("dense1",))
    assert eventsim.simulate(NET, X, faults=[coarse, jitter, clock], engine=engine).counters["delayed"] > 0


def test_sources_send_at_ticks_by_the_rounding_of_the_chip() -> None:
    for rounding, expected in ("half_even", [0.5, math.inf]), ("floor", [0.25, 0.75]), ("half_up", [0.5, math.inf]):
        fault = FixedPoint(weights=(8, 4), membrane=(8, 4), time=2, rounding=rounding)
        run = eventsim.simulate(NET, [[0.625, 0.1]], faults=[fault], engine="reference")
        assert run.spike_times("input")[0].tolist() == expected  # 0.375 and 0.9; a value of 0 is no event
        assert run.provenance["faults"][1]["fault"] == "clock"
    again = read(run.provenance["faults"])
    assert (
        eventsim.simulate(NET, [[0.625, 0.1]], faults=again, engine="reference").provenance["faults"]
        == run.provenance["faults"]
    )


def test_a_run_that_is_taken_up_counts_as_one() -> None:
    more = 0
    for seed in range(40):
        net, fault, times, *_ = usable(seed)
        data = eventsim.SpikeTimes([times])
        whole = eventsim.simulate(net, data, faults=[fault], until=6.0, engine="reference")
        part = eventsim.simulate(net, data, faults=[fault], until=1.3, engine="reference", keep_state=True)
        again = eventsim.simulate(net, data, faults=[fault], until=6.0, engine="reference", resume=part)
        assert again.spikes.tobytes() == whole.spikes.tobytes()
        assert again.counters["overflows"] == whole.counters["overflows"]
        more += part.counters["overflows"] < whole.counters["overflows"]
    assert more > 5


def lif() -> Any:
    net = eventsim.Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=5.0)
    return net


@pytest.mark.parametrize(
    ("net", "faults", "message"),
    [
        (lif(), [FINE], r"fixed_point on 'cell': not for neurons of lif_delta.*ttfs_b1"),
        (NET, [FixedPoint((8, 4), (8, 4), -2)], r"window .*becomes .* with a tick of 4; must increase"),
        (NET, [FixedPoint((3, 4), (8, 4), 4, overflow="error")], r"dense1.*weight: 1.0 is out of the range"),
        (NET, [CompleteSum(), FINE], r"not for neurons of ttfs_b1\+circuit.*behind fixed_point"),
        (NET, [FINE, Leak(3.0)], r"leak on 'dense1': not for neurons of ttfs_b1\+fixed_point"),
    ],
    ids=["leaky", "window", "weight", "order", "leak"],
)  # fmt: skip
def test_networks_that_a_chip_cannot_hold_are_refused(net: Any, faults: Any, message: str) -> None:
    with pytest.raises(FaultError, match=message):
        manufacture(net, faults)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": 8}, r"weights = 8; must be \(bits, bits behind the point\)"),
        ({"weights": (1, 0)}, "bits of weights = 1; must be"), ({"membrane": (33, 0)}, "bits of membrane = 33"),
        ({"time": 0.5}, "time = 0.5"), ({"slope": 40}, "slope = 40"), ({"rounding": "even"}, "rounding = 'even'"),
        ({"overflow": "clip"}, "overflow = 'clip'"), ({"membrane": (32, 40), "time": 0}, "must be 52 at most"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(FaultError, match=message):
        FixedPoint(**{"weights": (8, 4), "membrane": (16, 8), "time": 8, **settings})


def test_a_chip_has_a_text_form_and_is_saved(tmp_path: Any) -> None:
    fault = FixedPoint(weights=(8, 4), membrane=(16, 8), time=6, rounding="floor", overflow="wrap")
    assert read(fault.describe()) == [fault]
    [listed] = read([{"fault": "fixed_point", "weights": [8, 4], "membrane": [16, 8], "time": 6}])
    assert isinstance(listed, FixedPoint)
    assert listed.tick == 2.0**-6
    chip = manufacture(NET, fault)
    chip.save(tmp_path / "chip.npz")
    assert eventsim.load_network(tmp_path / "chip.npz").hash() == chip.hash()


def test_the_demo_network_on_a_chip_comes_near_it() -> None:
    """Convolutions, pools and batch norms, 12 bits of time: the digits of the ideal run, and read-outs near its."""
    images = digits.test_images()[0][:10].reshape(-1, 1, 8, 8)
    net = to_ttfs(digits.network(), digits.calibration_images()[0].reshape(-1, 1, 8, 8))
    fault = FixedPoint(weights=(32, 20), membrane=(32, 24), time=12)
    ideal, run = eventsim.simulate(net, images), eventsim.simulate(net, images, faults=[fault])
    assert run.predictions.tolist() == ideal.predictions.tolist()
    assert np.abs(run.readout - ideal.readout).max() < 0.02
    assert run.counters["overflows"] == 0
