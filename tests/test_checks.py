"""What is no number, no name or no array is refused where it comes in: nothing is guessed, nothing fails inside."""

# mypy: disable-error-code=arg-type
# Arguments of the wrong type are the subject.

from fractions import Fraction

import numpy as np
import pytest

import eventsim
from eventsim import SpikeTimes, models, viz
from eventsim.errors import FaultError, InputError, MappingError, ModelError, NetworkError


def small():
    net = eventsim.Network()
    source = net.source(2, name="input")
    cell = net.population("linear_psp", 1, name="hidden", threshold=1.0)
    net.connect(source, cell, eventsim.Dense([[1.0, 1.0]]))
    return net


HUGE = 10**400
MASKED = np.ma.masked_array([[0.5, 0.7]], [[True, False]])


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def cell(**parameters):
    return eventsim.Network().population("lif_delta", 2, name="cells", **parameters)


def source(**arguments):
    return eventsim.Network().source(**({"shape": 1} | arguments))


def windowed(window):
    return eventsim.Network().population("ttfs_b1", 1, name="cells", window=window, threshold=1.0)


def delayed(delay):
    net = small()
    return net.connect("input", "hidden", eventsim.Dense([[1.0, 1.0]]), delay=delay)


def connected(pre, post):
    return small().connect(pre, post, eventsim.Dense([[1.0, 1.0]]))


@pytest.mark.parametrize(
    ("make", "value", "error", "message"),
    [
        (eventsim.Network, "a", NetworkError, "Network: time_unit = 'a'; must be > 0, a finite number"),
        (eventsim.Network, True, NetworkError, "time_unit = True; must be > 0"),
        (eventsim.Network, [1], NetworkError, r"time_unit = \[1\]; must be > 0"),
        (lambda v: source(shape=v), 2.0, NetworkError, r"source 'input': shape\[0\] = 2.0; must be an integer >= 1"),
        (lambda v: source(shape=v), None, NetworkError, r"shape\[0\] = None; must be an integer >= 1"),
        (lambda v: source(shape=v), (2, 0), NetworkError, r"shape\[1\] = 0; must be an integer .*Empty layers"),
        (lambda v: source(shape=v), (), NetworkError, "shape has no axis"),
        (lambda v: source(shape=v), True, NetworkError, r"shape\[0\] = True"),
        (lambda v: source(shape=v), 10**12, NetworkError, "1,000,000,000,000 neurons in all; a network has at most"),
        (
            lambda v: source(window=v),
            "ab",
            NetworkError,
            "window = 'ab'; must be .t_min, t_max. with 0 <= t_min < t_max",
        ),
        (lambda v: source(window=v), None, NetworkError, "window = None; must be .t_min, t_max."),
        (lambda v: source(window=v), (0, 1, 2), NetworkError, "must be .t_min, t_max."),
        (lambda v: source(window=v), (0, 1j), NetworkError, "must be .t_min, t_max."),
        (lambda v: source(window=v), (0, HUGE), NetworkError, "must be .t_min, t_max."),
        (lambda v: source(window=v), (False, True), NetworkError, "must be .t_min, t_max."),
        (
            lambda v: source(value_range=v),
            None,
            NetworkError,
            "value_range = None; must be .low, high. with low < high",
        ),
        (lambda v: source(value_range=v), ("a", "b"), NetworkError, "must be .low, high. with low < high"),
        (lambda v: source(generator=v), "x", NetworkError, "generator = 'x'; must be a generator of spikes, or None"),
        (lambda v: source(shape=3, generator=eventsim.Poisson(v)), [1, 2], NetworkError, "must be one number or 3"),
        (eventsim.Poisson, "a", NetworkError, "Poisson: rate has type <U1; must be real numbers"),
        (eventsim.Poisson, 1j, NetworkError, "Poisson: rate has type complex128"),
        (eventsim.Poisson, None, NetworkError, "Poisson: rate = None; must be a real number"),
        (eventsim.Poisson, [1.0, np.inf], NetworkError, r"Poisson: rate\[1\] = inf; must be finite"),
        (windowed, 5, NetworkError, "window = 5; ttfs_b1 needs .t_start, t_min, t_max."),
        (windowed, (0, 1, 1j), NetworkError, "ttfs_b1 needs"),
        (lambda v: cell(tau_mem=v), "1", ModelError, "lif_delta: tau_mem has type <U1; must be real numbers"),
        (lambda v: cell(tau_mem=v), b"1", ModelError, "tau_mem has type .S1"),
        (lambda v: cell(tau_mem=v), np.datetime64("2020"), ModelError, "tau_mem has type datetime64"),
        (lambda v: cell(tau_mem=v), True, ModelError, "tau_mem has type bool"),
        (lambda v: cell(tau_mem=v), [1.0, 1j], ModelError, "tau_mem has type complex128"),
        (lambda v: cell(tau_mem=v), {}, ModelError, "tau_mem = {}; must be a real number"),
        (lambda v: cell(tau_mem=v), HUGE, ModelError, "must be a real number in the range of float64"),
        (lambda v: cell(tau_mem=v), objects(1.0, None), ModelError, r"tau_mem\[1\] = None; must be a real number"),
        (
            lambda v: cell(tau_mem=v),
            objects(np.nan, 1.0),
            ModelError,
            r"tau_mem\[0\] = nan; must be >= 1e-50 and <= 1e\+50",
        ),
        (lambda v: cell(tau_mem=v), MASKED[0], ModelError, "tau_mem is a masked array; must be one without a mask"),
        (lambda v: cell(tau_mem=v), [[1.0], [1.0, 2.0]], ModelError, "tau_mem is not an array .*rows of equal length"),
        (lambda v: eventsim.Network().population(v, 1), ["lif_delta"], ModelError, "must be the name of a model"),
        (
            lambda v: eventsim.Network().population("lif_clocked", 2, period=1.0, decay=0.5, reset=v),
            np.array(["soft", "soft"]),
            ModelError,
            "reset = array.*; must be one of soft, hard for the whole population",
        ),
        (delayed, "1", NetworkError, "input -> hidden: delay = '1'; must be >= 0, a finite number"),
        (delayed, None, NetworkError, "delay = None; must be >= 0"),
        (delayed, np.array([1.0]), NetworkError, "delay = array.*; must be >= 0"),
        (delayed, True, NetworkError, "delay = True; must be >= 0"),
        (lambda v: connected(v, "hidden"), None, NetworkError, "None is no source or population of this network"),
        (lambda v: connected("input", v), b"hidden", NetworkError, "b'hidden' is no source or population"),
        (
            lambda v: connected(v, "hidden"),
            small().nodes[0],
            NetworkError,
            "is no source or population of this network",
        ),
        (eventsim.Dense, [[1, 2], [3]], NetworkError, "Dense: weight is not an array .*rows of equal length"),
        (eventsim.Dense, [[1j]], NetworkError, "Dense: weight has type complex128; must be real numbers"),
        (eventsim.Dense, objects(None), NetworkError, r"Dense: weight\[0\] = None; must be a real number"),
        (eventsim.Dense, objects(np.nan), NetworkError, r"Dense: weight\[0\] = nan; must be finite"),
        (eventsim.Dense, objects(Fraction(1, 2), np.inf), NetworkError, r"Dense: weight\[1\] = inf; must be finite"),
        (eventsim.Dense, [[HUGE]], NetworkError, r"weight\[0, 0\] = 1000.*in the range of float64"),
        (eventsim.Dense, MASKED, NetworkError, "Dense: weight is a masked array"),
        (eventsim.Dense, [MASKED[0]], NetworkError, "Dense: weight is a masked array"),
        (lambda v: eventsim.Sparse(v, [0], [1.0]), [-1], NetworkError, r"Sparse: sources\[0\] = -1; must be in 0\.\."),
        (lambda v: eventsim.Sparse(v, [0], [1.0]), [[0]], NetworkError, r"Sparse: sources has shape \(1, 1\)"),
        (lambda v: eventsim.Sparse(v, [0], [1.0]), [True], NetworkError, "sources has type bool; must be integers"),
    ],
)
def test_what_a_network_cannot_be_made_of_is_refused(make, value, error, message):
    with pytest.raises(error, match=message):
        make(value)


def test_more_projections_than_packets_can_number_are_refused(monkeypatch):
    monkeypatch.setattr(eventsim.network.network, "MAX_PARTS", 3)
    net = small()
    for _ in range(2):
        net.connect("input", "hidden", eventsim.Dense([[1.0, 1.0]]))
    with pytest.raises(NetworkError, match=r"this is projection number 4; a network has at most 3\. Join"):
        net.connect("input", "hidden", eventsim.Dense([[1.0, 1.0]]))
    net.source(1, name="third")
    with pytest.raises(NetworkError, match="this is population number 4, sources counted; a network has at most 3"):
        net.source(1, name="fourth")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (0.5, r"x has shape \(\); must be \(n, 2\)"),
        (iter([1]), "x = .*iterator.*; must be a real number"),
        ({"input": None}, "x = None; must be a real number"),
        ({5: 1}, "5 is no source or population of this network"),
        ([[0.5, 0.7], [0.3]], "x is not an array .*rows of equal length"),
        (objects(None, "a"), r"x\[0\] = None; must be a real number"),
        ([[HUGE, 1]], r"x\[0, 0\] = 1000.*in the range of float64"),
        ([["1", "2"]], "x has type <U1; must be real numbers"),
        ([[1j, 0]], "x has type complex128"),
        (MASKED, "x is a masked array; must be one without a mask"),
        (SpikeTimes(None), "SpikeTimes holds None; must be an array"),
        (SpikeTimes(0.5), "SpikeTimes holds 0.5; must be an array"),
        (SpikeTimes("ab"), "SpikeTimes holds 'ab'; must be an array"),
        (SpikeTimes({"input": 1}), "SpikeTimes holds {'input': 1}; must be an array"),
        (SpikeTimes(np.array(0.5)), r"SpikeTimes has shape \(\); must be \(n, 2\)"),
        (
            SpikeTimes([["1", "2"]]),
            r"SpikeTimes\[0\]\[0\] has type <U1; must be real numbers",
        ),
        (SpikeTimes([["a"]]), "sample 0: 1 spike trains for 2 neurons; must be one list of times a neuron"),
        (SpikeTimes([[[0.5, "a"], []]]), r"SpikeTimes\[0\]\[0\] has type <U32; must be real numbers"),
        (SpikeTimes([[None, 0.5]]), r"SpikeTimes\[0\]\[0\] = None; must be a real number"),
        (SpikeTimes([[[0.5], None]]), r"SpikeTimes\[0\]\[1\] = None; must be a real number"),
        (SpikeTimes([[[[0.5]], []]]), r"SpikeTimes\[0\]\[0\] has shape \(1, 1\); must be one list of times"),
        (SpikeTimes([[HUGE, 1]]), "in the range of float64"),
        (SpikeTimes([[1j, 0]]), r"SpikeTimes\[0\] has type complex128; must be real numbers"),
        (SpikeTimes(np.array([[0.5 + 0j, 0.7]])), "SpikeTimes has type complex128; must be real numbers"),
        (SpikeTimes(np.array([["1", "2"]])), "SpikeTimes has type <U1; must be real numbers"),
        (SpikeTimes(MASKED), "SpikeTimes is a masked array"),
        (SpikeTimes([[[np.nan], []]]), "spike time nan of sample 0, neuron 0; must be >= 0"),
        (SpikeTimes(np.empty((0, 2))), "no samples"),
    ],
)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_data_that_are_no_numbers_are_refused_before_any_run(x, message, engine):
    with pytest.raises(eventsim.EventsimError, match=message):
        eventsim.simulate(small(), x, engine=engine)


REFUSED_OPTIONS = {
    "until": ("a", 1j, [1], True, np.nan, -1, HUGE),
    "max_events": ("a", 1.5, True, 0),
    "max_time": ("a", 0, np.nan, True),
    "memory": ("a", None, -1, np.nan, 1.5, True),
    "seed": (-1, 2**64, 1.5, np.nan, None, "a", [1], Fraction(1, 2), True),
    "threads": (0, -1, "a", np.nan, 1.5, True),
    "error_bounds": ("a", 1, None),
    "clip": ("a", 1, None),
    "progress": ("a", 1),
    "trials": (0, -1, "a", np.nan, 1.5, True),
    "engine": (None, 5, ["compiled"]),
    "record": (None, 5, np.array(["hidden"]), "hiden", [5]),
    "sample_ids": (5, "a", [0.5], [-1], [[0]], [True], [0, 1]),
    "faults": (None, 5, eventsim.faults.Clock, "jiter"),
}


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize(("name", "value"), [(name, v) for name, values in REFUSED_OPTIONS.items() for v in values])
def test_options_of_the_wrong_kind_are_refused_by_both_engines(name, value, engine):
    with pytest.raises(eventsim.EventsimError, match=rf"simulate: {name}(\[0\])? (=|has) .*; must (be|have) .*\."):
        eventsim.simulate(small(), [[0.5, 0.5]], **({"engine": engine} | {name: value}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"record": {"hidden": "al"}},
            r"record\['hidden'\] = 'al', did you mean 'all'\?; must be integers, a slice or",
        ),
        ({"record": {"hidden": None}}, r"record\['hidden'\] has type object; must be integers"),
        ({"record": {"hidden": [0.7]}}, r"record\['hidden'\] has type float64; must be integers"),
        ({"record": {"hidden": [True]}}, r"record\['hidden'\] has type bool; must be integers"),
        ({"record": {"hidden": [2**63]}}, r"record\['hidden'\]\[0\] = 9223372036854775808; must be in 0\.\.0"),
        ({"record": {"hidden": []}}, r"record\['hidden'\] = \[\]; must be one at least"),
        ({"record": []}, "record = \\[\\]; must name sources or populations"),
        ({"record": ["spikes"]}, "unknown population 'spikes'; this network has input, hidden. Name one"),
        ({"record": {5: [0]}}, "5 is no source or population of this network"),
        ({"seed": -1}, r"seed = -1; must be an integer in 0\.\.18446744073709551615"),
        ({"faults": "jiter"}, r"faults = 'jiter', did you mean 'jitter'\? is no fault and no preset; must be one of"),
        ({"faults": eventsim.faults.Clock}, r"faults = <class .*Clock'>; must be a fault or a list of faults"),
        ({"faults": None}, "faults = None; must be a fault or a list of faults"),
        ({"faults": [eventsim.faults.Clock(0.1, populations="hiden")]}, "did you mean 'hidden'"),
        ({"transport": eventsim.fabric.AerBus}, "is no transport; must be a value of one, or None"),
    ],
)
def test_options_are_refused_with_what_is_allowed(arguments, message):
    with pytest.raises(eventsim.EventsimError, match=message):
        eventsim.simulate(small(), [[0.5, 0.5]], **arguments)


LOST = 2**60 + 1  # float64 holds 2**60, and nothing up to 2**60 + 256


def simulated(**options):
    return eventsim.simulate(small(), [[0.5, 0.5]], engine="reference", **options)


def mapped(**options):
    return models.to_ttfs(models.ReluNetwork.from_weights(WEIGHTS), [[0.5, 0.5]], **options)


PIXELS = [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "i1")]
ONE_NUMBER = {
    "time_unit": eventsim.Network,
    "window of a source": lambda v: source(window=(0, v)),
    "value_range": lambda v: source(value_range=(0, v)),
    "window": lambda v: windowed((0, 1, v)),
    "delay": delayed,
    "until": lambda v: simulated(until=v),
    "max_time": lambda v: simulated(max_time=v),
    "sigma": eventsim.faults.Jitter,
    "period of a clock": eventsim.faults.Clock,
    "phase": lambda v: eventsim.faults.Clock(0.1, v),
    "service_time": eventsim.fabric.AerBus,
    "scale": lambda v: SpikeTimes.from_events(np.zeros(0, PIXELS), (1, 1, 1), scale=v),
    "margin": lambda v: mapped(margin=v),
    "input_range": lambda v: mapped(input_range=(0, v)),
    "windows": lambda v: mapped(windows=[v]),
    "t_max": lambda v: models.ttfs_network(
        [{"W": [[1.0]], "threshold": 1.0, "t_min": 1.0, "t_max": v}, {"W": [[1.0]]}]
    ),
}
NUMBERS = {
    "parameter": lambda v: cell(tau_mem=v),
    "Poisson": eventsim.Poisson,
    "Regular": eventsim.Regular,
    "start": lambda v: eventsim.Regular(1.0, v),
    "times of steps": lambda v: eventsim.Steps([0, *np.ravel(v)], [0, *np.ravel(v)]),
    "weights": lambda v: eventsim.OneToOne(np.reshape(v, -1)),
    "delays": lambda v: eventsim.Sparse([0], [0], [1.0], delays=np.reshape(v, -1)),
    "x": lambda v: eventsim.simulate(small(), [[0, *np.ravel(v)]], engine="reference"),
    "spike times": lambda v: eventsim.simulate(small(), SpikeTimes([[np.reshape(v, -1), []]]), engine="reference"),
    "a spike time": lambda v: eventsim.simulate(small(), SpikeTimes([[0, *np.ravel(v)]]), engine="reference"),
    "array of spike times": lambda v: eventsim.simulate(
        small(), SpikeTimes(np.array([[0, np.ravel(v)[0]]], np.asarray(v).dtype)), engine="reference"
    ),
    "times of a potential": lambda v: simulated(record={"hidden": [0]}).membrane("hidden", 0, times=np.reshape(v, -1)),
}


@pytest.mark.parametrize("lost", [LOST, np.int64(LOST), np.uint64(LOST), 2**70 + 1], ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("name", ONE_NUMBER)
def test_a_whole_number_that_float64_does_not_hold_is_refused(name, lost):
    with pytest.raises(eventsim.EventsimError, match=rf"{lost}; must be a number that float64 holds.*\. Give a float"):
        ONE_NUMBER[name](lost)


@pytest.mark.parametrize("lost", [
    LOST, 2**70 + 1, np.uint64(2**63 + 1), np.array(LOST), np.array([LOST], object), np.array([2**63 + 1], np.uint64),
    np.array([np.int64(LOST)], object),
], ids=lambda v: f"{type(v).__name__}-{np.asarray(v).dtype}")  # fmt: skip
@pytest.mark.parametrize("name", NUMBERS)
def test_whole_numbers_that_float64_does_not_hold_are_refused(name, lost):
    with pytest.raises(
        eventsim.EventsimError, match=rf"{np.ravel(lost)[0]}; must be a number that float64 holds.*\. \w+"
    ):
        NUMBERS[name](lost)


def test_whole_numbers_that_numpy_would_make_floats_are_refused():
    for mixed in ([0.5, LOST], (LOST, 0.5), [np.uint64(2**63 + 1), np.int64(3)], [0.5, np.int64(LOST)]):
        with pytest.raises(ModelError, match=r"tau_mem\[[01]\] = \d+; must be a number that float64 holds"):
            cell(tau_mem=mixed)
        with pytest.raises(InputError, match=r"x\[0, [01]\] = \d+; must be a number that float64 holds"):
            eventsim.simulate(small(), [mixed], engine="reference")
        with pytest.raises(NetworkError, match=r"weight\[0, [01]\] = \d+; must be .*float, if near .* or a Fraction\."):
            models.read_relu({"weights": [[mixed]]})


def test_whole_numbers_that_float64_holds_and_fractions_pass():
    assert cell(tau_mem=[2**60, 1]).parameters["tau_mem"].tolist() == [2.0**60, 1.0]
    assert delayed(2**60).delay == 2**60
    assert delayed(Fraction(LOST)).delay == Fraction(LOST)
    assert cell(tau_mem=objects(Fraction(LOST), 1)).parameters["tau_mem"].tolist() == [Fraction(LOST), 1]
    assert simulated(until=2**70).complete
    events = np.array([(LOST + 7, 0, 0, 0)], PIXELS)
    times = SpikeTimes.from_events(events, (1, 1, 1), start=LOST)  # subtracted as integers
    assert times.times[0].times.tolist() == [7.0]


def test_infinite_until_is_no_end():
    run = eventsim.simulate(small(), [[0.5, 0.5]], until=np.inf, engine="reference")
    assert run.provenance["until"] is None


def test_one_name_is_a_list_of_one_name():
    assert eventsim.faults.Jitter(0.1, populations="dense1").populations == ("dense1",)
    assert eventsim.faults.Clock(0.1, populations=["a", "b"]).populations == ("a", "b")
    with pytest.raises(FaultError, match="clock: populations = 5; must be a name or a list of names"):
        eventsim.faults.Clock(0.1, populations=5)


@pytest.mark.parametrize("value", ["a", None, 1j, True, np.nan, np.inf, HUGE])
@pytest.mark.parametrize(
    ("stage", "what"),
    [
        (eventsim.faults.Jitter, "jitter: sigma"),
        (eventsim.faults.Clock, "clock: period"),
        (lambda phase: eventsim.faults.Clock(0.1, phase), "clock: phase"),
        (eventsim.fabric.AerBus, "aer_bus: service_time"),
    ],
)
def test_stages_take_finite_numbers(stage, what, value):
    with pytest.raises(FaultError, match=rf"{what} = .*; must be .*a finite number. Give it in units of time"):
        stage(value)


# -- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda run: run.membrane("hidden", 1), r"membrane: neuron = 1; must be an integer in 0\.\.0"),
        (lambda run: run.membrane("hidden", -1), "membrane: neuron = -1; must be an integer"),
        (lambda run: run.membrane("hidden", 0.5), "membrane: neuron = 0.5; must be an integer"),
        (lambda run: run.membrane("hidden", 0, 1), r"membrane: sample = 1; must be an integer in 0\.\.0"),
        (lambda run: run.membrane("hidden", 0, 0, [np.nan]), r"membrane: times\[0\] = nan; must be finite"),
        (lambda run: run.membrane("hidden", 0, 0, 0.5), r"membrane: times has shape \(\); must have one axis"),
        (lambda run: run.threshold("hidden", 5), r"threshold: neuron = 5; must be an integer in 0\.\.0"),
        (lambda run: run.spike_times(["hidden"]), r"unknown population \['hidden'\], did you mean 'hidden'"),
        (lambda run: run.spike_times(None), "unknown population None; this run has input, hidden"),
        (lambda run: run.n_spikes(5), "unknown population 5"),
        (lambda run: run.recorded(np.array(["hidden", "input"])), "unknown population array"),
    ],
)
def test_a_run_is_asked_for_what_it_has(look, message):
    run = eventsim.simulate(small(), [[0.5, 0.5]], record={"hidden": [0]}, engine="reference")
    with pytest.raises(InputError, match=message):
        look(run)


def test_potentials_end_where_the_simulation_did():
    run = eventsim.simulate(small(), [[0.5, 0.5]], until=0.75, record={"hidden": [0]}, engine="reference")
    assert len(run.membrane("hidden", 0, 0, [0.5, 0.75])[1]) == 2
    with pytest.raises(InputError, match=r"times\[1\] = 3.5; must be at most 0.75, until when sample 0 was simulated"):
        run.membrane("hidden", 0, 0, [0.5, 3.5])


# -- trained networks -------------------------------------------------------------------------------------------------

WEIGHTS = [np.array([[0.5, 0.25], [0.25, -0.5]]), np.array([[1.0, -1.0]])]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda r: models.to_ttfs(r, [[0.5, 0.5]], scaling="a"), MappingError, "scaling = 'a'; must be True or False"),
        (lambda r: models.to_ttfs(r, [[0.5, 0.5]], time_unit="a"), NetworkError, "time_unit = 'a'; must be > 0"),
        (lambda r: models.to_ttfs(r, MASKED), InputError, "to_ttfs: calibration is a masked array"),
        (lambda r: models.to_ttfs(r, [[HUGE, 0]]), InputError, r"calibration\[0, 0\] = .*outside the coded range"),
        (lambda _: models.read_relu({"weights": [MASKED]}), NetworkError, "weight is a masked array"),
        (lambda _: models.read_relu({"weights": np.array(3.0)}), InputError, "weights = array.*; must be a list"),
        (lambda r: models.read_relu(r, input_shape=[True, 2]), NetworkError, "input_shape = .*; must be whole numbers"),
        (lambda _: models.ReluNetwork.from_weights(5), NetworkError, "weights = 5; must be a list, one entry"),
        (lambda _: models.ReluNetwork(5), NetworkError, "layers = 5; must be a list of layers"),
        (lambda r: r.forward([[0.5, 0.5]], 5), InputError, "dtype = 5; must be a floating type"),
        (lambda r: r.forward(MASKED), InputError, "ReLU network: x is a masked array"),
        (lambda r: r.save(5), InputError, "path = 5; must be the path of a file"),
    ],
)
def test_trained_networks_are_made_of_numbers(make, error, message):
    with pytest.raises(error, match=message):
        make(models.ReluNetwork.from_weights(WEIGHTS))


# -- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda _: viz.raster("x"), "raster: run is a str; must be a Run"),
        (lambda _: viz.spike_histogram(None), "spike_histogram: run is a NoneType; must be a Run"),
        (viz.verification, "verification: report is a Run, which has no event_times; must be a verification report"),
        (lambda run: viz.raster(run, ax="x"), "raster: ax is a str; must be matplotlib Axes"),
        (lambda run: viz.spike_histogram(run, ax=[5, 5]), "spike_histogram: ax is a int; must be matplotlib Axes"),
        (lambda run: viz.membrane(run, "hidden", 0, ax=5), "membrane: ax is a int; must be matplotlib Axes"),
        (lambda run: viz.raster(run, sample=0.5), r"raster: sample = 0.5; must be an integer in 0\.\.0"),
        (lambda run: viz.raster(run, populations=5), "raster: populations = 5; must be a name or a list of names"),
        (lambda run: viz.raster(run, max_points=np.nan), "raster: max_points = nan; must be an integer >= 0"),
        (lambda run: viz.spike_histogram(run, bins="a"), r"bins = 'a'; must be an integer in 1\.\.10000"),
        (lambda run: viz.membrane(run, "hidden", []), r"membrane: neurons = \[\]; must be one at least"),
        (lambda run: viz.membrane(run, "hidden", "x"), "membrane: neurons = 'x'; must be integers, a slice or"),
        (lambda run: viz.membrane(run, "hidden", [1]), r"membrane: neurons\[0\] = 1; must be in 0\.\.0"),
    ],
)
def test_figures_are_asked_for_what_can_be_drawn(draw, message):
    run = eventsim.simulate(small(), [[0.5, 0.5]], record={"hidden": [0]}, engine="reference")
    with pytest.raises(InputError, match=message):
        draw(run)


def test_spikes_at_immense_times_can_be_drawn():
    run = eventsim.simulate(small(), SpikeTimes([[1e300, np.inf]]), engine="reference")
    assert viz.spike_histogram(run).size == 2
    assert viz.raster(run).get_xlim()[1] > 1e300
