"""What is refused is refused before anything runs, with what, where, what is allowed, and what to do."""

import pickle  # noqa: TID251 - the pickles that readers must refuse
import zipfile
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.errors import (
    BudgetError,
    FaultError,
    FileFormatError,
    InputError,
    ModelError,
    NetworkError,
    SimulationError,
)


def small(n=2):
    net = eventsim.Network()
    source = net.source(n, name="input")
    cell = net.population("linear_psp", 1, name="hidden", threshold=1.0)
    net.connect(source, cell, eventsim.Dense(np.ones((1, n))))
    return net


def lif(**parameters):
    net = eventsim.Network()
    source = net.source(1, name="input")
    cell = net.population("lif_delta", 2, name="cells", tau_mem=10.0, **parameters)
    net.connect(source, cell, eventsim.Dense([[2.0], [2.0]]))
    return net


# -- weights, shapes, delays ------------------------------------------------------------------------------------------


def test_nan_weights_are_refused_with_their_place():
    with pytest.raises(NetworkError, match=r"Dense: weight\[0, 1\] = nan; must be finite"):
        eventsim.Dense([[1.0, np.nan]])


def test_text_weights_are_refused():
    with pytest.raises(NetworkError, match="must be real numbers"):
        eventsim.Dense([["a"]])


def test_weights_of_the_wrong_shape_are_refused_with_both_shapes():
    net = eventsim.Network()
    a, b = net.source(3, name="a"), net.population("linear_psp", 2, name="b", threshold=1.0)
    with pytest.raises(NetworkError, match=r"a -> b: Dense weights have shape \(3, 2\); must be .* \(2, 3\)"):
        net.connect(a, b, eventsim.Dense(np.ones((3, 2))))
    with pytest.raises(NetworkError, match="OneToOne has 2 weights for 3 sources"):
        net.connect(a, b, eventsim.OneToOne([1.0, 1.0]))
    with pytest.raises(NetworkError, match=r"Sparse targets\[0\] = 5; must be in 0\.\.1"):
        net.connect(a, b, eventsim.Sparse([0], [5], [1.0]))
    with pytest.raises(NetworkError, match="Sparse: sources has type"):
        eventsim.Sparse([0.5], [0], [1.0])


def test_negative_delay_and_foreign_projection_are_refused():
    net = small()
    other = eventsim.Network()
    a, b = other.source(1, name="a"), other.population("linear_psp", 1, name="b", threshold=1.0)
    with pytest.raises(NetworkError, match=r"delay = -1.0; must be >= 0"):
        other.connect(a, b, eventsim.Dense([[1.0]]), delay=-1.0)
    with pytest.raises(NetworkError, match="list is no projection"):
        other.connect(a, b, [[1.0]])  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="is a source; spikes can only go to a population"):
        other.connect(b, a, eventsim.Dense([[1.0]]))  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="learning rules are not available"):
        other.connect(a, b, eventsim.Dense([[1.0]]), rule="stdp")  # type: ignore[arg-type]
    net.hash()
    with pytest.raises(NetworkError, match="frozen"):
        net.source(1, name="late")


def test_a_typo_in_a_population_name_is_answered_with_the_nearest():
    with pytest.raises(NetworkError, match="unknown population 'hiden', did you mean 'hidden'"):
        small().node("hiden")
    run = eventsim.simulate(small(), [[0.5, 0.5]], engine="reference")
    with pytest.raises(InputError, match="unknown population 'hiden', did you mean 'hidden'"):
        run.spike_times("hiden")


def test_names_are_unique_and_shapes_positive():
    net = small()
    with pytest.raises(NetworkError, match="must be a string that no other"):
        net.source(1, name="input")
    with pytest.raises(NetworkError, match="Empty layers are not allowed"):
        net.source(0, name="none")
    with pytest.raises(NetworkError, match="no population"):
        eventsim.Network().hash()


# -- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "parameters", "message"),
    [
        ("lif_delta", {"tau_mem": 0.0}, r"tau_mem\[0\] = 0.0; must be >= 1e-50"),
        ("lif_delta", {"tau_mem": [1.0, np.nan]}, r"tau_mem\[1\] = nan"),
        ("lif_delta", {}, "lif_delta needs tau_mem"),
        ("lif_delta", {"tau_mem": 1.0, "v_reset": 2.0}, r"v_reset\[0\] = 2.0; must be below v_threshold"),
        ("lif_delta", {"tau_mme": 1.0}, "unknown parameter 'tau_mme', did you mean 'tau_mem'"),
        ("lif_delta", {"tau_mem": [1.0, 2.0, 3.0]}, r"tau_mem has shape \(3,\)"),
        ("lif_clocked", {"period": 1.0, "decay": 0.5, "reset": "sfot"}, "did you mean 'soft'"),
        ("lif_dleta", {}, "unknown neuron model 'lif_dleta', did you mean 'lif_delta'"),
        ("linear_psp", {"threshold": 0.0}, r"threshold\[0\] = 0.0; must be > 0"),
        ("ttfs_b1", {"threshold": np.inf, "window": (0, 1, 2)}, "must be a finite number"),
    ],
)
def test_parameters_out_of_range_are_refused(model, parameters, message):
    with pytest.raises(ModelError, match=message):
        eventsim.Network().population(model, 2, name="cells", **parameters)


@pytest.mark.parametrize("window", [None, (0, 1), (0, 2, 1), (1, 1, 2), (-1, 1, 2), (0, 1, np.inf)])
def test_windows_that_do_not_increase_are_refused(window):
    with pytest.raises(NetworkError, match="Windows are increasing"):
        eventsim.Network().population("ttfs_b1", 1, name="cells", window=window, threshold=1.0)


def test_a_window_on_a_model_without_one_is_refused():
    with pytest.raises(NetworkError, match="lif_delta has no window"):
        eventsim.Network().population("lif_delta", 1, tau_mem=1.0, window=(0, 1, 2))


# -- data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[0.5, 1.5]], r"1 values outside the coded range \[0, 1\].*neuron 1 = 1.5"),
        ([[0.5, np.nan]], r"x\[0\] holds NaN at neuron 1"),
        ([0.5, 0.5], r"x has shape \(2,\); must be \(n, 2\)"),
        (np.empty((0, 2)), "no samples"),
        ([["a", "b"]], "must be real numbers"),
        (None, "no data for source 'input'"),
        ({"inptu": [[0.5, 0.5]]}, "did you mean 'input'"),
        (eventsim.SpikeTimes(np.array([[0.5, -1.0]])), r"spike time -1.0 of sample 0, neuron 1; must be >= 0"),
        (eventsim.SpikeTimes(np.array([[0.5, np.nan]])), r"spike time nan"),
        (eventsim.SpikeTimes([[[0.5, 0.2], []]]), "not increasing"),
        (eventsim.SpikeTimes([[[0.5]]]), "1 spike trains for 2 neurons"),
    ],
)
def test_data_that_do_not_fit_are_refused(x, message):
    with pytest.raises(eventsim.EventsimError, match=message):
        eventsim.simulate(small(), x)


def test_data_go_to_a_source_by_its_name_or_by_itself_but_not_twice():
    net = eventsim.Network()
    source = net.source(1, "input")
    net.connect(source, net.population("if_delta", 1, "cells"), eventsim.Dense([[2.0]]))
    by_name, by_node = (eventsim.simulate(net, {key: [[0.25]]}, record="spikes") for key in ("input", source))
    assert by_name.spikes.tobytes() == by_node.spikes.tobytes()
    with pytest.raises(InputError, match=r"data for source 'input' twice, by name and by node. Give one"):
        eventsim.simulate(net, {"input": [[0.25]], source: [[0.5]]})
    with pytest.raises(InputError, match=r"simulate: 'cells' takes no data; data go to input"):
        eventsim.simulate(net, {"cells": [[0.25]]})


def test_values_outside_the_range_are_clipped_and_counted_on_demand():
    run = eventsim.simulate(small(), [[0.5, 1.5], [-1.0, 0.5]], clip=True, engine="reference")
    assert run.counters["clipped"] == 2
    assert run.spike_times("input").tolist() == [[0.5, 0.0], [np.inf, 0.5]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"engine": "compield"}, "did you mean 'compiled'"),
        ({"record": "spike"}, "did you mean 'spikes'"),
        ({"record": {"hidden": [7]}}, r"record\['hidden'\]\[0\] = 7; must be in 0\.\.0"),
        ({"record": {"input": [0]}}, "sources have no membrane"),
        ({"threads": 0}, "threads = 0"),
        ({"max_events": 0}, "max_events = 0"),
        ({"until": 0.0}, "until = 0.0; must be > 0, a number"),
        ({"sample_ids": [1, 2]}, "sample_ids has 2 numbers for 1 samples"),
        ({"faults": ["jitter"]}, "jitter: sigma missing"),
        ({"transport": "bus"}, "is no transport"),
    ],
)
def test_arguments_of_simulate_are_checked(arguments, message):
    with pytest.raises(eventsim.EventsimError, match=message):
        eventsim.simulate(small(), [[0.5, 0.5]], **arguments)


def test_error_bounds_are_refused_where_the_model_has_none():
    with pytest.raises(InputError, match=r"lif_delta .* carries no rounding bound"):
        eventsim.simulate(lif(), eventsim.SpikeTimes([[1.0]]), error_bounds=True)


def test_clocks_and_generators_need_until():
    net = eventsim.Network()
    net.source(1, generator=eventsim.Poisson(1.0))
    net.population("linear_psp", 1, name="cell", threshold=1.0)
    with pytest.raises(NetworkError, match=r"until=None, but the generator of source 'input' never stops"):
        eventsim.simulate(net)
    with pytest.raises(NetworkError, match=r"Poisson: rate = -1.0"):
        eventsim.Poisson(-1.0)


@pytest.mark.parametrize("fault", [eventsim.faults.Jitter, eventsim.faults.Clock, eventsim.fabric.AerBus])
def test_stages_refuse_negative_strength(fault):
    with pytest.raises(FaultError, match=r"must be >= 0"):
        fault(-1.0)


# -- while it runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_delay_lost_by_rounding_is_an_error_that_names_the_neuron(engine):
    net = eventsim.Network()
    source = net.source(1, name="input")
    cell = net.population("lif_delta", 2, name="cells", tau_mem=10.0)
    net.connect(source, cell, eventsim.Dense([[2.0], [2.0]]))
    net.connect(cell, cell, eventsim.Dense(np.eye(2)), delay=1e-20)
    with pytest.raises(SimulationError, match=r"neuron 0 of 'cells' at t = 1.0 .*lost by rounding") as error:
        eventsim.simulate(net, eventsim.SpikeTimes([[1.0]]), engine=engine)
    assert not error.value.run.complete


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_neuron_firing_twice_at_one_time_is_an_error_that_names_it(engine):
    net = eventsim.Network()
    source = net.source(1, name="input")
    cell = net.population("lif_delta", 1, name="cells", tau_mem=10.0)
    net.connect(source, cell, eventsim.Dense([[2.0]]))
    net.connect(cell, cell, eventsim.Dense([[2.0]]))
    with pytest.raises(SimulationError, match=r"neuron 0 of 'cells' fires twice at t = 1.0"):
        eventsim.simulate(net, eventsim.SpikeTimes([[1.0]]), engine=engine)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_used_up_budget_keeps_what_was_done(engine):
    net = eventsim.Network()
    source = net.source(1, name="input")
    cell = net.population("lif_delta", 1, name="cells", tau_mem=10.0)
    net.connect(source, cell, eventsim.Dense([[2.0]]))
    net.connect(cell, cell, eventsim.Dense([[2.0]]), delay=1.0)
    with pytest.raises(BudgetError, match="max_events = 100 reached") as error:
        eventsim.simulate(net, eventsim.SpikeTimes([[1.0]]), engine=engine, max_events=100)
    run = error.value.run
    assert not run.complete
    assert 20 < len(run.spikes) <= 102
    assert (np.diff(run.spikes["time"]) >= 0).all()


# -- files ------------------------------------------------------------------------------------------------------------


def foreign_npz(path):
    np.savez(path, a=np.arange(3))


def pickled(path):
    path.write_bytes(pickle.dumps({"a": 1}))


def object_npz(path):
    np.savez(path, header=np.array([{}], dtype=object))


def zip_without_arrays(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def truncated(path):
    small().save(path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("spoil", [foreign_npz, pickled, object_npz, zip_without_arrays, truncated])
@pytest.mark.parametrize("load", [eventsim.load_network, eventsim.load_run, models.read_relu])
def test_corrupt_and_foreign_files_are_refused(spoil, load, tmp_path):
    path = tmp_path / "file.npz"
    spoil(path)
    with pytest.raises(FileFormatError):
        load(path)
    with pytest.raises(FileFormatError):
        load(tmp_path / "missing.npz")


def test_unsupported_estimators_are_named():
    from sklearn.svm import SVC

    with pytest.raises(eventsim.EventsimError, match="SVC"):
        models.read_relu(SVC())


# -- what was met with a raw error -------------------------------------------------------------------------------------

RAGGED = {
    "window": lambda: eventsim.Network().source(2, window=(0, [1])),
    "value_range": lambda: eventsim.Network().source(2, value_range=(0, [1])),
    "population": lambda: eventsim.Network().population("ttfs_b1", 1, threshold=1.0, window=(0, 1, [1])),
    "pool": lambda: eventsim.Pool([[1, 2], [3]]),
    "windows": lambda: models.to_ttfs({"weights": [[[1.0]], [[1.0]]]}, [[1.0]], windows=[1, [2]]),
    "slope": lambda: models.ttfs_network(
        [{"W": [[1.0]], "threshold": 1, "slope": 10**400, "t_min": 1, "t_max": 2}, {"W": [[1.0]]}]
    ),
    "dense": lambda: eventsim.Dense(Fraction(1, 3)),
    "one_to_one": lambda: eventsim.OneToOne([[Fraction(1, 3)]]),
    "conv": lambda: eventsim.Conv(Fraction(1, 3)),
    "sparse": lambda: eventsim.Sparse([0], [0], Fraction(1, 3)),
    "tiny": lambda: models.to_ttfs({"weights": [[[1.0]], [[1.0]]]}, [[1e-300]]),
    "resistance": lambda: eventsim.Network().population("lif_alpha", 1, tau_mem=1.0, tau_syn=1.0, r=1e308),
}


@pytest.mark.parametrize("name", RAGGED)
def test_numbers_of_odd_shapes_and_sizes_are_refused_in_words(name: str) -> None:
    with pytest.raises(eventsim.errors.EventsimError, match=r"must|needs|lost by rounding|lengths"):
        RAGGED[name]()


@pytest.mark.parametrize("generator", [eventsim.Regular(5e-324), eventsim.Poisson(1e308)])
@pytest.mark.filterwarnings("error")
def test_trains_without_end_are_refused_without_a_warning_of_numpy(generator: Any) -> None:
    net = eventsim.Network()
    net.source(2, "input", generator=generator)
    net.population("if_delta", 2, "cells")
    with pytest.raises(eventsim.InputError, match=r"would send .*inf spikes"):
        eventsim.simulate(net, until=3.0, engine="reference")


def test_there_is_one_zero_among_the_times() -> None:
    net = eventsim.Network()
    net.source(2, "input")
    net.population("lif_delta", 2, "cells", tau_mem=5.0, v_threshold=0.5)
    net.connect("input", "cells", eventsim.Dense(np.eye(2)))
    for times in ([[-0.0, 0.0]], [[[-0.0], [0.0]]], np.array([[-0.0, 0.0]])):
        run = eventsim.simulate(net, eventsim.SpikeTimes(times), until=3.0, engine="reference")
        assert not np.signbit(run.spikes["time"]).any()
        assert len(run.spikes) == 4


def test_time_constants_may_be_fractions() -> None:
    runs = []
    for number in (Fraction, float):
        net = eventsim.Network()
        net.source(1, "input")
        net.population("lif_exp", 1, "cell", tau_mem=number(20), tau_syn=number(5))
        net.connect("input", "cell", eventsim.Dense([[9.0]]))
        runs.append(eventsim.simulate(net, eventsim.SpikeTimes([[1.0]]), until=30.0, engine="reference"))
    assert runs[0].spikes.tolist() == runs[1].spikes.tolist()
    assert runs[0].n_spikes("cell") >= 1
