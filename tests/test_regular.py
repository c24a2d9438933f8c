"""Regular trains: spike k at start + k period, on both engines, and refused where two spikes are one number."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim.errors import InputError, NetworkError

pytestmark = pytest.mark.engine_small


def cells(period, start=0.0, n: int = 1) -> eventsim.Network:
    net = eventsim.Network()
    source = net.source(n, "pulses", generator=eventsim.Regular(period, start))
    cell = net.population("lif_delta", n, "cells", tau_mem=10.0, v_threshold=1.0)
    net.connect(source, cell, eventsim.OneToOne(np.full(n, 2.0)))
    return net


@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(0.05, 50.0), st.just(math.inf)), st.one_of(st.floats(0.0, 20.0), st.just(math.inf))
        ),
        min_size=1,
        max_size=5,
    ),
    st.floats(0.5, 40.0),
)
def test_trains_are_those_of_exact_arithmetic_to_a_rounding(settings, until) -> None:
    period, start = (np.array(column) for column in zip(*settings, strict=True))
    times, neurons = eventsim.Regular(period, start).trains("pulses", len(period), until, 0, 0)
    assert list(zip(times, neurons, strict=True)) == sorted(zip(times, neurons, strict=True))
    assert (times < until).all()
    for i, (step, first) in enumerate(settings):
        mine = times[neurons == i]
        if first >= until:
            assert not mine.size
            continue
        exact = [Fraction(first) + (k * Fraction(step) if k else 0) for k in range(len(mine))]
        assert all(abs(Fraction(t) - e) <= 2 * math.ulp(t) for t, e in zip(mine.tolist(), exact, strict=True))
        if step < math.inf:  # and none is missing at the end
            assert first + len(mine) * step >= until
        else:
            assert len(mine) == 1


def test_engines_hear_the_same_trains_and_a_cell_answers_each() -> None:
    net = cells([0.1, 0.7, math.inf], [0.0, 0.25, 3.0], n=3)
    runs = [eventsim.simulate(net, until=5.0, engine=engine) for engine in ("compiled", "reference")]
    assert runs[0].spikes.tobytes() == runs[1].spikes.tobytes()
    expected = [[k * 0.1 for k in range(50)], [0.25 + k * 0.7 for k in range(7)], [3.0]]
    for name in ("pulses", "cells"):
        spikes = runs[0].spikes[runs[0].spikes["population"] == net.node(name).order]
        assert [spikes["time"][spikes["neuron"] == i].tolist() for i in range(3)] == expected


def test_a_saved_network_has_its_trains(tmp_path) -> None:
    net = cells([0.5, 0.25], 1.0, n=2)
    net.save(tmp_path / "net.npz")
    loaded = eventsim.load_network(tmp_path / "net.npz")
    assert loaded.hash() == net.hash()
    assert "Regular" in repr(loaded)
    before, after = (eventsim.simulate(one, until=4.0).spikes for one in (net, loaded))
    assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize(
    ("period", "start", "message"),
    [
        (0.0, 0.0, r"Regular: period = 0.0; must be > 0"),
        (-1.0, 0.0, r"Regular: period = -1.0; must be > 0"),
        (math.nan, 0.0, r"Regular: period = nan; must be > 0"),
        (1.0, -1.0, r"Regular: start = -1.0; must be >= 0"),
        ([1.0, 2.0, 3.0], 0.0, r"Regular: period has shape \(3,\); must be one number or 2"),
        ("a", 0.0, "Regular: period has type"),
    ],
)
def test_numbers_that_are_no_train_are_refused(period, start, message) -> None:
    with pytest.raises(NetworkError, match=message):
        cells(period, start, n=2)


def test_two_spikes_that_round_to_one_time_are_refused() -> None:
    net = cells(1e-9, 2.0**27)
    with pytest.raises(InputError, match=r"two spikes of neuron 0 round to one time, 134217728"):
        eventsim.simulate(net, until=2.0**27 + 1e-6)


def test_more_spikes_than_memory_holds_are_refused_before_they_are_made() -> None:
    for net in (cells(1e-9), eventsim.Network()):
        if not net.nodes:
            net.source(1, "noise", generator=eventsim.Poisson(1e9))
            net.population("lif_delta", 1, "cells", tau_mem=1.0, v_threshold=1.0)
        with pytest.raises(InputError, match="spikes before until = 1000; must be at most"):
            eventsim.simulate(net, until=1000.0)
