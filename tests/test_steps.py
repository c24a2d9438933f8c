"""Currents that are constant piece by piece: closed forms, and what is refused."""

import math
from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from adapters import both_engines

import eventsim
from eventsim.errors import ModelError
from eventsim.models.neurons import TTFS_B1


def driven(current: Any, n: int = 1, **parameters: Any) -> eventsim.Network:
    net = eventsim.Network()
    given = {"tau_mem": 10.0, "v_threshold": 1.0, **parameters}
    net.population("lif_delta", n, "cells", current=current, **given)
    return net


@pytest.mark.engine_small
def test_the_first_spike_after_a_step_is_that_of_the_closed_form() -> None:
    """Below the threshold for 5, then above it: t = 5 + 10 ln((3 - V) / 2), V = 0.5 (1 - e^(-1/2)); 50 digits."""
    run = both_engines(driven(eventsim.Steps([0, 5], [0.5, 3.0])), until=20.0).run
    with mp.workdps(50):
        v = mp.mpf(1) / 2 * (1 - mp.exp(mp.mpf(-1) / 2))
        first = 5 + 10 * mp.log((3 - v) / 2)
        between = 10 * mp.log(mp.mpf(3) / 2)
    found = run.spikes["time"].tolist()
    assert len(found) == int((20 - first) / between) + 1
    for k, t in enumerate(found):
        assert abs(t - (first + k * between)) <= 4e-15 * t


@pytest.mark.engine_small
def test_a_step_that_comes_at_a_stored_crossing_comes_after_it() -> None:
    """Drive 2 crosses at 10 ln 2 exactly as stored; a step to 0 at that very time does not undo it."""
    crossing = float(both_engines(driven(2.0), until=10.0).run.spikes["time"][0])
    net = driven(eventsim.Steps([0, crossing], [2.0, 0.0]))
    assert both_engines(net, until=50.0).run.spikes["time"].tolist() == [crossing]
    before = float(np.nextafter(crossing, 0.0))
    assert not both_engines(driven(eventsim.Steps([0, before], [2.0, 0.0])), until=50.0).run.spikes.size


@pytest.mark.engine_small
def test_a_step_during_refractoriness_counts_from_its_end() -> None:
    """The neuron is held at 0 from its spike on for 4; the drive changes meanwhile."""
    steps = eventsim.Steps([0, 8], [2.0, 5.0])
    spikes = both_engines(driven(steps, t_ref=4.0), until=14.0).run.spikes["time"]
    first = 10 * math.log(2)
    assert spikes.tolist() == pytest.approx([first, first + 4 + 10 * math.log(5 / 4)], abs=1e-14)


@pytest.mark.engine_small
def test_each_neuron_may_have_steps_of_its_own() -> None:
    values = [[0.0, 2.0], [2.0, 0.0]]
    run = both_engines(driven(eventsim.Steps([0, 100], values), 2), until=110.0).run
    first = 10 * math.log(2)
    assert run.spike_times("cells")[0].tolist() == pytest.approx([100 + first, first], rel=1e-15)
    late = run.spikes["time"][run.spikes["neuron"] == 1]
    assert late.max() < 100 < run.spikes["time"][run.spikes["neuron"] == 0].min()


@pytest.mark.engine_small
def test_many_pieces_of_one_value_are_as_one() -> None:
    """Pieces of the same drive move no spike but by rounding: V is advanced at each of them."""
    pieces = np.linspace(0.0, 40.0, 257)
    cut = both_engines(driven(eventsim.Steps(pieces, np.full(257, 1.5))), until=40.0).run.spikes["time"]
    whole = both_engines(driven(1.5), until=40.0).run.spikes["time"]
    assert cut == pytest.approx(whole, rel=1e-13)


@pytest.mark.engine_small
def test_membrane_and_explanation_follow_the_steps() -> None:
    net = driven(eventsim.Steps([0, 5, 10], [0.5, 0.0, 3.0]))
    run = both_engines(net, until=20.0, record={"cells": [0]}).run
    _, v = run.membrane("cells", 0, times=[5.0, 7.5, 10.0])
    top = 0.5 * -math.expm1(-0.5)
    assert v.tolist() == pytest.approx([top, top * math.exp(-0.25), top * math.exp(-0.5)], rel=1e-14)
    told = eventsim.explain(net, run, "cells", 0)
    assert told.membrane([5.0, 7.5, 10.0])[1].tolist() == pytest.approx(v.tolist(), rel=1e-14)


@pytest.mark.engine_small
def test_at_rest_a_step_is_not_missed_between_two_records() -> None:
    """V stays at 0 until the drive changes, so that nothing is recorded before; the potential in between knows it."""
    run = both_engines(driven(eventsim.Steps([0, 2], [0.0, 0.5])), until=9.0, record={"cells": [0]}).run
    _, v = run.membrane("cells", 0, times=[1.0, 2.0, 7.0])
    assert v.tolist() == pytest.approx([0.0, 0.0, 0.5 * -math.expm1(-0.5)], rel=1e-14)


def test_steps_are_saved_hashed_and_gone_on_with(tmp_path: Any) -> None:
    def network(last: float) -> eventsim.Network:
        return driven(eventsim.Steps([0, 5, 9], [0.5, 3.0, last]))

    net = network(1.5)
    net.save(tmp_path / "net.npz")
    loaded = eventsim.load_network(tmp_path / "net.npz")
    assert loaded.hash() == net.hash() != network(1.25).hash()
    whole = eventsim.simulate(loaded, until=30.0)
    part = eventsim.simulate(net, until=8.5, keep_state=True)
    part.save(tmp_path / "run.npz")
    rest = eventsim.simulate(net, until=30.0, resume=eventsim.load_run(tmp_path / "run.npz", net))
    assert rest.spikes.tobytes() == whole.spikes.tobytes()
    assert len(whole.spikes) > len(part.spikes) > 0


@pytest.mark.parametrize("model", ["lif_exp", "lif_alpha", "glif", "if_delta"])
def test_models_with_a_current_take_steps(model: str) -> None:
    given: dict[str, Any] = {} if model == "if_delta" else {"tau_mem": 10.0, "tau_syn": 5.0}
    net = eventsim.Network()
    net.population(model, 1, "cells", current=eventsim.Steps([0, 5], [0.0, 3.0]), **given)
    late = eventsim.simulate(net, until=30.0, engine="reference").spikes["time"]
    net = eventsim.Network()
    net.population(model, 1, "cells", current=3.0, **given)
    early = eventsim.simulate(net, until=25.0, engine="reference").spikes["time"]
    assert late == pytest.approx(early + 5.0, rel=1e-13)
    assert len(late) > 1


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ([1.0, 2.0], [0.0, 1.0], "begin at 0"),
        ([0.0, 2.0, 2.0], [0.0, 1.0, 2.0], "increase"),
        ([0.0, 2.0], [0.0], "shape"),
        ([0.0, math.nan], [0.0, 1.0], "times"),
        ([0.0, 1.0], [0.0, math.inf], "values"),
        ([], [], "begin at 0"),
        ([0.0], [[[1.0]]], "shape"),
    ],
)
def test_steps_that_are_none_are_refused(times: Any, values: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        eventsim.Steps(times, values)


def test_steps_of_other_parameters_and_sizes_are_refused() -> None:
    with pytest.raises(ModelError, match=r"tau_mem = Steps; may change in time: current"):
        driven(0.0, tau_mem=eventsim.Steps([0, 1], [1.0, 2.0]))
    with pytest.raises(ModelError, match="values for 3 neurons; must be for 2"):
        driven(eventsim.Steps([0, 1], np.ones((2, 3))), 2)


def test_models_whose_neurons_are_updated_together_take_steps_too() -> None:
    """A drive that changes a windowed model neither opens its window nor gives all of its neurons that of the first."""
    stepped = replace(TTFS_B1.parameters[0], steps=True)
    model = replace(TTFS_B1, name="ttfs_stepped", parameters=(stepped, *TTFS_B1.parameters[1:]))
    for values in ([[4.0, 4.0], [4.0, 4.0], [4.0, 4.0]], [[4.0, 4.0], [3.0, 2.5], [2.0, 3.5]]):
        net = eventsim.Network()
        net.source(2, "input")
        given = {stepped.name: eventsim.Steps([0, 0.25, 0.75], values)}
        net.population(model, 2, "cells", (0.0, 1.0, 9.0), **given)
        net.connect("input", "cells", eventsim.Dense([[0.1, 0.2], [0.3, -0.1]]))
        run = both_engines(net, np.array([[0.5, 0.9]])).run
        assert (run.spike_times("cells") < math.inf).all()
