"""Convolutions and pools: the geometry against its definition, both engines against the oracle, bad input."""

import itertools
from typing import Any

import numpy as np
import pytest
from adapters import assert_equals_oracle, both_engines, convolution_synapses, outcome
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import EIGHTHS, Case, convolution, convolutional, geometry

from eventsim import Conv, Dense, Network, NetworkError, Pool, SpikeTimes, load_network, simulate
from eventsim.faults import Clock, Jitter
from eventsim.models import neurons as _registered  # noqa: F401 - the models of the networks below


@given(convolutional())
def test_convolutional_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x), case.net, case.x)


@given(convolutional())
def test_stages_bounds_and_membranes_of_convolutions_are_the_same_on_both_engines(case: Case) -> None:
    both_engines(case.net, case.x, faults=[Jitter(0.125), Clock(0.0625)])
    both_engines(case.net, case.x, error_bounds=True)
    probes = {population.name: list(range(population.size)) for population in case.net.populations}
    runs = [outcome(case.net, case.x, record=probes, engine=name).run for name in ("compiled", "reference")]
    assert len({run.records.traces.tobytes() for run in runs if run.records.traces is not None}) == 1


@given(st.data(), st.integers(1, 2))
def test_synapses_are_those_of_the_definition(data: Any, n: int) -> None:
    shape = (data.draw(st.sampled_from([1, 2, 3, 6])), *(data.draw(st.integers(1, 5)) for _ in range(n)))
    kind = data.draw(convolution(shape))
    kind = kind.fitted("here", shape, kind.output_shape(shape))
    listed = []
    for source in range(int(np.prod(shape))):
        targets, weights = kind.synapses(source)
        assert (np.diff(targets) > 0).all(), "canonical order"
        listed += [(source, int(j), w) for j, w in zip(targets, weights, strict=True)]
    assert sorted(listed) == sorted(convolution_synapses(kind))
    assert kind.n_synapses == len(listed)


def fields(shape: tuple[int, ...], into: tuple[int, ...], kind: Pool) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """Which places of the source lie in the field of each target."""
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for channel, *place in itertools.product(*map(range, into)):
        inside = []
        for tap in itertools.product(*map(range, kind.kernel)):
            axes = zip(place, tap, kind.stride, kind.padding, kind.dilation, strict=True)
            seen = [y * stride - before + k * dilation for y, k, stride, (before, _), dilation in axes]
            if all(0 <= x < n for x, n in zip(seen, shape[1:], strict=True)):
                inside.append((channel, *seen))
        found[channel, *place] = inside
    return found


@given(st.data(), st.integers(1, 2), st.booleans())
def test_pools_pass_on_the_first_or_the_last_spike_of_each_field(data: Any, n: int, smallest: bool) -> None:
    shape = (data.draw(st.integers(1, 2)), *(data.draw(st.integers(2, 4)) for _ in range(n)))
    kind = Pool(**data.draw(geometry(n)))
    into = kind.output_shape(shape)
    assume(min(into) >= 1)
    held = fields(shape, into, kind)
    counts = [max(1, len(inside)) if smallest else 1 for inside in held.values()]
    net = Network()
    net.source(shape, "input")
    net.population("relay", into, "pool", (0.0, 1.0, 2.0), count=counts)
    net.connect("input", "pool", kind)
    size = int(np.prod(shape))
    times = data.draw(st.lists(st.one_of(EIGHTHS, st.just(np.inf)), min_size=size, max_size=size))
    x = np.array(times).reshape(shape)
    run = both_engines(net, SpikeTimes(x[None])).run
    best = max if smallest else min
    expected = [best((float(x[place]) for place in inside), default=np.inf) for inside in held.values()]
    assert run.spike_times("pool")[0].tolist() == expected
    assert run.counters["premature"] == run.counters["late"] == 0


def test_channels_of_a_position_share_a_cohort_and_groups_do_not() -> None:
    from eventsim.engines.compiled.machine import cohort_size
    from eventsim.engines.destinations import lanes_of

    net = Network()
    net.source((4, 5, 5), "input")
    rng = np.random.default_rng(0)
    for groups in (1, 2, 4):
        net.population("ttfs_b1", (8, 5, 5), f"g{groups}", (0.0, 1.0, 2.0), threshold=1.0)
        net.connect("input", f"g{groups}", Conv(rng.normal(size=(8, 4 // groups, 3, 3)), padding=1, groups=groups))
    assert [cohort_size(net, population, lanes_of(net, {})) for population in net.populations] == [8, 4, 2]
    net.connect("input", "g4", Dense(np.ones((200, 100))))
    assert cohort_size(net, net.populations[2], lanes_of(net, {})) == 0  # reached in two ways: each neuron alone


def test_a_convolution_survives_saving(tmp_path: Any) -> None:
    net = Network()
    net.source((2, 6, 5), "input")
    net.population("ttfs_b1", (4, 3, 3), "conv", (0.0, 1.0, 3.0), threshold=1.0)
    net.population("relay", (4, 1, 1), "pool", (0.0, 1.0, 3.0))
    rng = np.random.default_rng(3)
    net.connect("input", "conv", Conv(rng.normal(size=(4, 1, 3, 2)), 2, ((1, 0), (0, 1)), groups=2))
    net.connect("conv", "pool", Pool((3, 3)))
    net.save(tmp_path / "net.npz")
    again = load_network(tmp_path / "net.npz")
    assert again.hash() == net.hash()
    x = rng.random((3, 2, 6, 5))
    assert (simulate(again, x).spikes == simulate(net, x).spikes).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv(np.ones((2, 2))), r"weights have shape \(2, 2\); must have 3 or 4 dimension"),
        (lambda: Conv(np.full((1, 1, 1), np.nan)), r"Conv: weight\[0, 0, 0\] = nan"),
        (lambda: Conv(np.ones((3, 1, 2)), groups=2), "3 output channels in 2 groups; must divide evenly"),
        (lambda: Conv(np.ones((1, 1, 2)), stride=0), "stride = 0; must be a whole number >= 1"),
        (lambda: Conv(np.ones((1, 1, 2, 2)), stride=(1, 2, 3)), r"stride = \(1, 2, 3\); must be .* or 2 of them"),
        (lambda: Conv(np.ones((1, 1, 2)), padding=-1), "padding = -1; must be a whole number >= 0"),
        (lambda: Conv(np.ones((1, 1, 2)), dilation="2"), "dilation = '2'; must be a whole number >= 1"),
        (lambda: Pool(0), "Pool: kernel = 0; must be a whole number >= 1"),
        (lambda: connected(Conv(np.ones((1, 3, 2))), (2, 5), (1, 4)), r"take a source of shape \(3, n\), this one has"),
        (lambda: connected(Conv(np.ones((1, 2, 2))), (2, 5), (1, 5)), r"Conv makes \(1, 4\) of \(2, 5\), the populat"),
        (lambda: connected(Pool(2), (2, 5, 5), (2, 2, 2)), "takes a source of 2 axes, this one has shape"),
        (lambda: connected(Pool((2, 2)), (2, 5, 5), (2, 5, 5)), r"Pool makes \(2, 2, 2\) of \(2, 5, 5\)"),
    ],
)
def test_what_is_no_convolution_is_refused(make: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        make()


def connected(kind: Any, pre: tuple[int, ...], post: tuple[int, ...]) -> None:
    net = Network()
    net.source(pre, "input")
    net.population("linear_psp", post, "layer", threshold=1.0)
    net.connect("input", "layer", kind)
