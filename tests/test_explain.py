"""`explain`: contributions worked out by hand, sums that give the threshold, and what cannot be is refused."""

import dataclasses
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim
import eventsim.models  # registers the neuron models
from eventsim import (
    Conv,
    Dense,
    Explanation,
    Network,
    OneToOne,
    Pool,
    Run,
    Sparse,
    SpikeTimes,
    explain,
    simulate,
)
from eventsim.errors import EventsimError, InputError, SimulationError
from eventsim.fabric import AerBus
from eventsim.faults import Clock, Jitter
from eventsim.network.neuron_model import find_model

LINEAR = ("ttfs_b1", "ttfs_alpha1", "linear_psp", "integrator")
W1 = [[0.5, 0.25, -0.5], [-0.25, 0.5, 0.5], [1.0, -0.75, 0.25]]
BIAS = (0.125, -0.25, 0.0625)


def run_reference(net: Network, x: Any, **options: Any) -> Run:
    return simulate(net, x, engine="reference", **options)


def small(number: Any = float) -> Network:
    """3-3-2 of exact decimals; a hidden neuron of value a fires at 3 - a."""
    net = Network()
    net.source(3, "input")
    thresholds = [number(2 - b) for b in BIAS]
    net.population("ttfs_b1", 3, "hidden", (0.0, 1.0, 3.0), threshold=thresholds)
    net.population("integrator", 2, "output", (1.0, 3.0), drift=[0.5, 0.25])
    net.connect("input", "hidden", Dense([[number(w) for w in row] for row in W1]))
    net.connect("hidden", "output", Dense([[1.0, 2.0, 0.5], [-1.0, 0.25, 1.5]]))
    return net


def explained(population: str, neuron: int, **options: Any) -> Explanation:
    net = small()
    return explain(net, run_reference(net, [[1.0, 0.5, 0.25]]), population, neuron, **options)


def early() -> tuple[Network, Run]:
    """An input of 0.9 lifts the potential over the threshold before that of 0.3 can hold it back."""
    net = Network()
    net.source(2, "input")
    net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 1.9), threshold=0.9)
    net.connect("input", "cell", Dense([[10.0, -28.0]]))
    return net, run_reference(net, [[0.9, 0.3]])


def single(model: Any, weights: Any, trains: Any, until: Any = None, **parameters: Any) -> tuple[Network, Run]:
    """One neuron of a model, an input for each weight."""
    net = Network()
    net.source(len(weights), "input")
    net.population(model, 1, "cell", **parameters)
    net.connect("input", "cell", Dense([weights]))
    return net, run_reference(net, SpikeTimes([trains]), until=until)


def parts(explanation: Explanation) -> list[tuple[str, int, Any]]:
    return [(one.population, one.neuron, one.contribution) for one in explanation.inputs]


# -- worked out by hand -----------------------------------------------------------------------------------------------


def test_a_spike_is_the_sum_of_what_its_inputs_did_and_the_slope_after_t_min() -> None:
    # Inputs at 0, 0.5 and 0.75: until t_min = 1 they add 0.5 * 1, 0.25 * 0.5 and -0.5 * 0.25; then the slope is 1.
    found = explained("hidden", 0)
    assert (found.time, found.crossing, found.at) == (2.375, 2.375, 2.375)
    assert parts(found) == [("input", 0, 0.5), ("input", 1, 0.125), ("input", 2, -0.125)]
    assert (found.base, found.potential, found.threshold, found.residual) == (1.375, 1.875, 1.875, 0.0)
    assert [(one.emitted, one.arrived, one.weight) for one in found.inputs] == [
        (0.0, 0.0, 0.5), (0.5, 0.5, 0.25), (0.75, 0.75, -0.5),
    ]  # fmt: skip
    assert (found.premature, found.late, found.missing, found.notes) == (0, (), (), ())


def test_silence_is_explained_at_t_max() -> None:
    found = explained("hidden", 1)
    assert not found.fired
    assert found.at == 3.0
    assert parts(found) == [("input", 0, -0.25), ("input", 1, 0.25), ("input", 2, 0.125)]
    assert (found.potential, found.residual) == (2.125, 0.125)
    assert str(found).splitlines()[0] == "hidden 1, sample 0: silent, 2.125 at 3"


def test_a_readout_is_explained_at_the_time_at_which_it_is_read() -> None:
    # Hidden spikes at 2.375 and 2.25, read at 3: 1 * 0.625 and 0.5 * 0.75; the drift of 0.5 since t = 1.
    found = explained("output", 0)
    assert found.is_readout
    assert parts(found) == [("hidden", 0, 0.625), ("hidden", 2, 0.375)]
    assert (found.base, found.potential, found.residual) == (1.0, 2.0, None)


def test_the_chain_leads_down_to_the_values_of_the_source() -> None:
    found = explained("output", 0)
    hidden = found.chain["inputs"][0]
    assert (hidden["population"], hidden["neuron"], hidden["time"], hidden["contribution"]) == (
        "hidden",
        0,
        2.375,
        0.625,
    )
    assert [(one["population"], one["neuron"], one["value"]) for one in hidden["inputs"]] == [
        ("input", 0, 1.0), ("input", 1, 0.5), ("input", 2, 0.25),
    ]  # fmt: skip
    assert hidden["inputs"][0]["inputs"] == []
    assert [len(explained("output", 0, depth=d).chain["inputs"]) for d in (0, 1)] == [0, 2]
    assert not explained("output", 0, depth=1).upstream[0][1].upstream
    assert [one.neuron for one, _ in explained("output", 0, breadth=1).upstream] == [0]


def test_the_text_says_all_of_it() -> None:
    assert str(explained("output", 0, breadth=1)).splitlines() == [
        "output 0, sample 0: read at 3: 2",
        "  integrator, t_start 1, t_min 3",
        "  potential at 3: 2 = 1 without inputs +1 from 2 inputs",
        "  input     emitted  arrived  weight  contribution",
        "  hidden 0    2.375    2.375      +1        +0.625",
        "  hidden 2     2.25     2.25    +0.5        +0.375",
        "  where they came from:",
        "    hidden 0 (+0.625): fired at 2.375",
        "      input 0 (+0.5): fired at 0, value 1",
    ]
    assert str(explained("hidden", 0).table(rows=1)).splitlines()[2:5] == [
        "  potential at 2.375: 1.875 = 1.375 without inputs +0.5 from 3 inputs; the threshold",
        "  input                   emitted  arrived  weight  contribution",
        "  input 0                       0        0    +0.5          +0.5",
    ]
    assert str(explained("hidden", 0).table(rows=1)).splitlines()[5].split() == [
        "2",
        "more",
        "inputs",
        "together",
        "+0",
    ]


def test_a_premature_spike_names_the_inputs_that_it_did_not_wait_for() -> None:
    # 10 (t - 0.1) reaches 0.9 at t = 0.19; with the input at 0.7 the potential at t_min would be 10 * 0.9 - 28 * 0.3.
    found = explain(*early(), "cell", 0)
    assert found.time == pytest.approx(0.19, abs=1e-15)  # 0.1 and 0.9 are rounded
    assert found.premature == pytest.approx(0.81, abs=1e-15)
    assert [(one.neuron, one.arrived, one.weight) for one in found.missing] == [(1, 0.7, -28.0)]
    assert found.at_opening == pytest.approx(0.6, abs=1e-14)
    assert parts(found) == [("input", 0, pytest.approx(0.9, abs=1e-15))]
    assert "PREMATURE: fired 0.81 before t_min = 1; 1 input had not arrived yet: input 1 at 0.7, weight -28" in str(
        found
    )


def test_a_source_is_its_value() -> None:
    found = explained("input", 1)
    assert found.is_source
    assert (found.time, found.value, found.inputs, found.residual) == (0.5, 0.5, (), None)
    assert str(found) == "input 1, sample 0: fired at 0.5, value 0.5"
    net = small()
    silent = explain(net, run_reference(net, [[1.0, 0.0, 0.25]]), "input", 1)
    assert (silent.fired, str(silent)) == (False, "input 1, sample 0: silent")


def test_fractions_stay_exact() -> None:
    net = small(Fraction)
    run = run_reference(net, np.array([[Fraction(1, 3), Fraction(1, 7), Fraction(1, 11)]], dtype=object))
    found = explain(net, run, "hidden", 0)
    assert parts(found) == [
        ("input", 0, Fraction(1, 6)), ("input", 2, Fraction(-1, 22)), ("input", 1, Fraction(1, 28)),
    ]  # fmt: skip
    assert found.residual == 0
    assert found.potential == Fraction(15, 8)
    assert found.upstream[0][1].value == Fraction(1, 3)


def test_inputs_after_t_min_are_late_and_those_after_the_spike_too() -> None:
    net, run = single("ttfs_b1", [1.0, 1.0, 4.0], [[0.5], [1.25], [2.5]], window=(0.0, 1.0, 3.0), threshold=1.0)
    found = explain(net, run, "cell", 0)
    assert found.time == 1.5
    assert [(one.neuron, one.reason) for one in found.late] == [(1, "late"), (2, "late")]
    assert "2 inputs came too late to count: input 1 at 1.25, weight +1; input 2 at 2.5, weight +4" in str(found)
    net, run = single("linear_psp", [1.0, 5.0], [[0.0], [2.0]], threshold=1.0)
    assert [(one.neuron, one.reason) for one in explain(net, run, "cell", 0).late] == [(1, "after")]


def test_alpha1_counts_an_input_after_t_min_once_more() -> None:
    # Slope 1 from 0, 2 from 0.5, from t_min = 1 on 1.5, and 2.5 after the input at 2: V = 0.5 + 1 + 1.5 + 2.5 (t - 2).
    net, run = single(
        "ttfs_alpha1", [1.0, 1.0], [[0.5], [2.0]], window=(0.0, 1.0, 4.0), threshold=4.25, slope=1.5
    )  # fmt: skip
    found = explain(net, run, "cell", 0)
    assert found.time == 2.5
    assert (found.base, parts(found)) == (3.25, [("input", 0, 0.5), ("input", 1, 0.5)])
    assert found.residual == 0


def test_a_relay_names_the_input_that_decided() -> None:
    net, run = single("relay", [1.0] * 3, [[0.75], [0.25], [0.5]], count=2)
    found = explain(net, run, "cell", 0)
    assert found.time == 0.5
    assert [(one.neuron, one.decisive) for one in found.inputs] == [(2, True), (1, False)]
    assert [(one.neuron, one.reason) for one in found.late] == [(0, "after")]
    assert [one.neuron for one, _ in found.upstream] == [2]
    assert "input 2 (decided)" in str(found)
    assert "passes on number 2 of 3 inputs: input 2 at 0.5" in str(found)
    assert "potential" not in str(found)


def test_a_leaky_neuron_forgets_and_its_resets_stay_where_they_were() -> None:
    tau = 2.0
    net, run = single("lif_delta", [0.8, 1.5], [[0.0, 1.0, 3.0, 4.0], [2.0]], until=10.0, tau_mem=tau)
    assert run.spikes["time"][run.spikes["population"] == 1].tolist() == [1.0, 2.0, 4.0]
    first = explain(net, run, "cell", 0)
    decay = math.exp(-1.0 / tau)
    assert [(one.number, one.decisive, one.contribution) for one in first.inputs] == [
        (1, True, pytest.approx(0.8)), (0, False, pytest.approx(0.8 * decay)),
    ]  # fmt: skip
    third = explain(net, run, "cell", 0, spike=2)
    assert str(third).startswith("spike 2 of cell 0, sample 0: fired at 4")
    # The spike at 2 wiped out what came before it.
    assert [(one.neuron, one.number, one.contribution) for one in third.inputs] == [
        (0, 3, pytest.approx(0.8)), (0, 2, pytest.approx(0.8 * decay)),
    ]  # fmt: skip
    assert third.earlier == (1.0, 2.0)


def test_inputs_while_a_neuron_is_refractory_are_named() -> None:
    net, run = single("lif_delta", [1.5], [[0.0, 0.5, 2.0]], until=5.0, tau_mem=2.0, t_ref=1.0)
    found = explain(net, run, "cell", 0, spike=1)
    assert found.time == 2.0
    assert [(one.number, one.reason) for one in found.late] == [(1, "refractory")]


def test_a_clocked_neuron_is_explained_at_its_tick() -> None:
    # Ticks at 0, 1, 2, …: 0.75 arrives at 0.5 and is halved once after tick 1; 1.0 arrives at 2 and is seen at once.
    net, run = single("lif_clocked", [0.75, 1.0], [[0.5], [2.0]], until=4.5, period=1.0, decay=0.5, v_threshold=1.25)
    found = explain(net, run, "cell", 0)
    assert (found.time, found.potential) == (2.0, 1.375)
    assert parts(found) == [("input", 1, 1.0), ("input", 0, 0.375)]


def test_a_model_that_is_not_linear_is_explained_by_leaving_inputs_out() -> None:
    def squared(s: Any, w: Any) -> Any:
        return (s[0] * s[0] + w,)

    leaky = find_model("lif_delta")
    model = dataclasses.replace(leaky, name="squaring", dynamics=dataclasses.replace(leaky.dynamics, receive=squared))
    net, run = single(model, [0.5, 0.75], [[0.0], [0.0]], until=1.0, tau_mem=1.0)
    found = explain(net, run, "cell", 0)
    # 0.5 * 0.5 + 0.75 = 1; without the first 0.75, without the second 0.5.
    assert (found.potential, parts(found)) == (1.0, [("input", 1, 0.5), ("input", 0, 0.25)])


def test_inputs_before_t_start_count_for_their_slope_alone() -> None:
    net, run = single("ttfs_b1", [0.5], [[0.25]], window=(1.0, 2.0, 4.0), threshold=1.0)
    found = explain(net, run, "cell", 0)
    assert (found.time, parts(found), found.base) == (2.5, [("input", 0, 0.5)], 0.5)


@pytest.mark.parametrize(
    ("kind", "shapes", "weights"),
    [
        (Conv([[[1.0, 2.0]]]), ((1, 3), (1, 2)), {1: 1.0, 2: 2.0}),
        (OneToOne([1.0, 4.0, 2.0]), (3, 3), {1: 4.0}),
        (Sparse([0, 2, 2, 1], [1, 1, 1, 0], [1.0, 2.0, 0.5, 8.0]), (3, 2), {0: 1.0, 2: 2.5}),
    ],
)
def test_every_projection_tells_its_synapses(kind: Any, shapes: Any, weights: dict[int, float]) -> None:
    net = Network()
    net.source(shapes[0], "input")
    net.population("linear_psp", shapes[1], "cells", threshold=100.0)
    net.connect("input", "cells", kind, delay=0.5)
    run = run_reference(net, SpikeTimes(np.zeros((1, net.nodes[0].size))), until=1.5)
    found = explain(net, run, "cells", 1)
    sums = dict.fromkeys(weights, 0.0)
    for one in found.inputs:
        sums[one.neuron] += one.contribution
        assert one.arrived == 0.5
    assert sums == weights


def test_a_pool_tells_which_of_its_field_came_first() -> None:
    net = Network()
    net.source((1, 4), "input")
    net.population("relay", (1, 2), "pool")
    net.connect("input", "pool", Pool([2]))
    run = run_reference(net, SpikeTimes([[[0.5], [0.25], [0.75], [0.125]]]))
    assert [one.neuron for one in explain(net, run, "pool", 0).inputs] == [1]
    assert [one.neuron for one in explain(net, run, "pool", 1).inputs] == [3]


def test_pools_are_explained_by_which_input_they_pass_on() -> None:
    net = Network()
    net.source((1, 4), "input")
    net.population("relay", (1, 2), "pool", (0.0, 0.0, 1.0), count=[1, 2])
    net.population("linear_psp", 1, "cell", threshold=0.25)
    net.connect("input", "pool", Pool([2]))
    net.connect("pool", "cell", Dense([[1.0, 1.0]]))
    run = run_reference(net, SpikeTimes([[[0.5], [0.25], [0.75], [0.125]], [[], [0.25], [0.75], []], [[], [], [], []]]))
    found = [[explain(net, run, "pool", k, sample) for k in range(2)] for sample in range(3)]
    first, last = "  passes on the first of 2 inputs", "  passes on the last of 2 inputs"
    assert [[one.table().above[2] for one in row] for row in found] == [
        [f"{first}: input 1 (0, 1) at 0.25", f"{last}: input 2 (0, 2) at 0.75"],
        [f"{first}: input 1 (0, 1) at 0.25", f"{last}; 1 came"],
        [f"{first}; none came", f"{last}; none came"],
    ]
    assert explain(net, run, "pool", 1, 1).headline == "pool 1 (0, 1), sample 1: silent"
    chain = explain(net, run, "cell", 0).table().below
    assert "      input 1 (0, 1) (passed on): fired at 0.25, value 0.75" in chain


# -- stages, recordings -----------------------------------------------------------------------------------------------


def test_a_fault_moves_the_spike_but_not_its_crossing() -> None:
    net = small()
    run = run_reference(net, [[1.0, 0.5, 0.25]], faults=[Clock(0.5)])
    found = explain(net, run, "hidden", 0)
    assert (found.time, found.crossing, found.residual) == (2.5, 2.375, 0.0)
    assert "fired at 2.5 (crossed at 2.375)" in str(found)
    jittered = run_reference(net, [[1.0, 0.5, 0.25]], faults=[Jitter(0.1)], seed=4)
    assert explain(net, jittered, "hidden", 0).crossing == 2.375


def test_a_transport_is_worked_out_again() -> None:
    net = small()
    run = run_reference(net, [[1.0, 0.5, 0.25]], transport=AerBus(0.125))
    found = explain(net, run, "hidden", 0)
    assert [one.arrived - one.emitted for one in found.inputs] == [0.125] * 3
    assert found.notes == ()
    assert found.residual == pytest.approx(0.0, abs=1e-15)


def test_first_spikes_are_enough_where_neurons_spike_once() -> None:
    net = small()
    found = explain(net, run_reference(net, [[1.0, 0.5, 0.25]], record="first_spikes"), "output", 0)
    assert found.table() == explained("output", 0).table()


def test_a_saved_run_is_explained_as_the_one_in_memory(tmp_path: Any) -> None:
    net = small()
    run = run_reference(net, [[1.0, 0.5, 0.25]])
    run.save(tmp_path / "run.npz")
    assert str(explain(net, eventsim.load_run(tmp_path / "run.npz"), "output", 1)) == str(
        explain(net, run, "output", 1)
    )


def test_the_membrane_of_an_explanation_is_that_which_a_run_records() -> None:
    net = small()
    run = run_reference(net, [[1.0, 0.5, 0.25]], record={"hidden": [0]})
    found = explain(net, run, "hidden", 0)
    times = np.linspace(0.0, 2.25, 10)
    assert found.membrane(times)[1].tolist() == run.membrane("hidden", 0, times=times)[1].tolist()
    assert found.membrane()[0].tolist() == [0.0, 0.5, 0.75, 1.0, 2.375]
    assert found.membrane()[1].tolist() == [0.0, 0.25, 0.4375, 0.5, 1.875]


# -- properties -------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.one_of(strategies.dense_ttfs(), strategies.mixed(), strategies.recurrent_lif(), strategies.clocked()))
def test_contributions_add_up_and_every_spike_is_replayed_where_it_was(case: strategies.Case) -> None:
    try:
        run = run_reference(case.net, case.x, until=case.until)
    except SimulationError:
        return
    for population in case.net.populations:
        for neuron in range(population.size):
            mine = (run.spikes["population"] == population.order) & (run.spikes["neuron"] == neuron)
            n_spikes = int(np.count_nonzero(mine & (run.spikes["sample"] == 0)))
            for spike in range(max(1, min(n_spikes, 3))):
                found = explain(case.net, run, population.name, neuron, depth=0, spike=spike)
                assert found.notes == ()
                total = found.base + sum(one.contribution for one in found.inputs)
                size = 1.0 + abs(found.base) + sum(abs(one.contribution) for one in found.inputs)
                assert abs(total - found.potential) <= 1e-12 * size
                at_once = population.window is not None and found.time == population.window[0]
                if found.fired and population.model.name in LINEAR and not at_once:
                    assert abs(found.residual) <= 1e-12 * size


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"net": 3}, r"explain: net is a int; must be the Network that was simulated\. Load it with load_network"),
        ({"run": None}, r"explain: run is a NoneType; must be a Run\. Give what eventsim.simulate or load_run"),
        ({"net": early()[0]}, r"explain: this is a run of another network \(it differs in .*\); must be of net"),
        ({"population": "hiden"}, r"unknown population 'hiden', did you mean 'hidden'\?"),
        ({"neuron": 3}, r"explain: neuron = 3; must be an integer in 0\.\.2\. 'hidden' has 3 neurons"),
        ({"sample": 1}, r"explain: sample = 1; must be an integer in 0\.\.0\. The run has 1 samples"),
        ({"spike": 1}, r"explain: spike = 1; must be an integer in 0\.\.0\. 1 of its spikes are recorded"),
        ({"depth": -1}, r"explain: depth = -1; must be an integer >= 0"),
        ({"breadth": 0}, r"explain: breadth = 0; must be an integer >= 1"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    net = small()
    good: dict[str, Any] = {
        "net": net,
        "run": run_reference(net, [[1.0, 0.5, 0.25]]),
        "population": "hidden",
        "neuron": 0,
    }
    with pytest.raises(EventsimError, match=message):
        explain(**(good | arguments))


def test_runs_that_recorded_too_little_are_refused() -> None:
    net = small()
    run = run_reference(net, [[1.0, 0.5, 0.25]], record="readout")
    with pytest.raises(InputError, match=r"explain: run recorded no spikes .*; must hold spikes or first spikes"):
        explain(net, run, "hidden", 0)
    run = run_reference(net, SpikeTimes([[[0.0, 0.5], [0.25], [0.5]]]), record="first_spikes")
    with pytest.raises(InputError, match=r"first spikes of 'input' only, where neurons fired more often"):
        explain(net, run, "hidden", 0)
    run = run_reference(net, [[1.0, 0.5, 0.25]], record="first_spikes", transport=AerBus(0.125))
    with pytest.raises(InputError, match=r"its transport carries them in the order of all spikes; must hold all"):
        explain(net, run, "hidden", 0)


def test_potentials_after_the_explained_time_and_of_sources_are_refused() -> None:
    with pytest.raises(InputError, match=r"membrane: times\[1\] = 2\.5; must be <= 2\.375, the time that is explained"):
        explained("hidden", 0).membrane([1.0, 2.5])
    with pytest.raises(InputError, match=r"membrane: 'input' is a source; must be a population"):
        explained("input", 0).membrane()


def test_a_run_that_ended_early_says_so() -> None:
    net = small()
    with pytest.raises(eventsim.BudgetError) as error:
        run_reference(net, [[1.0, 0.5, 0.25]], max_events=4)
    found = explain(net, error.value.run, "hidden", 0)
    assert found.notes[0] == "the run ended early: what came later is not known"
