"""Files of the right kind with the wrong content: what is read is checked as a whole, and the error names the entry."""

# mypy: disable-error-code=arg-type
# Arguments of the wrong type are the subject.

import copy
import json

import numpy as np
import pytest

import eventsim
from eventsim.errors import FileFormatError, InputError
from eventsim.files.archive import read_archive

LOST = object()


def network():
    net = eventsim.Network(1e-3)
    source = net.source(2, name="input")
    net.source(1, name="noise", generator=eventsim.Poisson(1.0))
    hidden = net.population("ttfs_b1", 2, name="hidden", window=(0, 1, 2), threshold=1.0)
    output = net.population("integrator", 2, name="output", window=(1.0, 2.0))
    net.population("lif_clocked", 1, name="clocked", period=0.5, decay=0.5)
    net.connect(source, hidden, eventsim.Dense(np.eye(2)))
    net.connect(hidden, output, eventsim.Sparse([0, 1], [1, 0], [1.0, 2.0]))
    return net


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Header and arrays of a network's and of a run's file."""
    folder = tmp_path_factory.mktemp("saved")
    net = network()
    net.save(folder / "network.npz")
    run = eventsim.simulate(
        net, [[0.5, 0.75], [0.25, 0.0]], engine="reference", until=3.0, record={"hidden": [0]},
        transport=eventsim.fabric.AerBus(0.01),
    )  # fmt: skip
    run.save(folder / "run.npz")
    return {kind: read_archive(folder / f"{kind}.npz", f"eventsim-{kind}", 1) for kind in ("network", "run")}


def changed(content, place, value):
    """The content with the entry at this place of nested dicts and lists replaced, or lost."""
    content = copy.deepcopy(content)
    *way, last = place
    inner = content
    for key in way:
        inner = inner[key]
    if value is LOST:
        del inner[last]
    else:
        inner[last] = value
    return content


def write(path, header, arrays):
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    return path


def refused(load, path, message):
    with pytest.raises(FileFormatError, match=message) as error:
        load(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("time_unit",), True, "its time unit .*time_unit = True; must be > 0"),
        (("time_unit",), LOST, "time_unit is missing"),
        (("nodes",), {}, r"header\['nodes'\] is no list of dicts"),
        (("nodes", 0), None, r"header\['nodes'\] is no list of dicts"),
        (("nodes", 0, "kind"), None, r"nodes\[0\] is not what a network has \(kind = None; must be a str"),
        (("nodes", 0, "kind"), "nan", r"nodes\[0\] .*kind = 'nan'; must be source or population"),
        (("nodes", 0, "shape"), [float("inf")], r"nodes\[0\] .*shape = \[inf\]; must be integers >= 1"),
        (("nodes", 0, "shape"), 2, r"nodes\[0\] .*shape = 2; must be a list"),
        (("nodes", 0, "window"), [], r"nodes\[0\] .*window = \(\); must be \(t_min, t_max\)"),
        (("nodes", 0, "window"), {}, r"nodes\[0\] .*window = {}; must be a list"),
        (("nodes", 0, "window"), ["0", 1], r"nodes\[0\] .*window holds 1; must be a number as text"),
        (("nodes", 0, "window"), ["0", "1/0"], r"nodes\[0\] .*window holds '1/0'; must be a number as text"),
        (("nodes", 0, "value_range"), None, r"nodes\[0\] .*value_range = None; must be a list"),
        (("nodes", 0, "name"), "hidden", r"nodes\[2\] .*name = 'hidden'; must be a string that no other"),
        (
            ("nodes", 1, "generator"),
            "poison",
            r"nodes\[1\] .*generator .poison., did you mean .poisson.. is none of poisson, reg",
        ),
        (("nodes", 1, "generator"), "regular", r"nodes\[1\] .*array .node1.period. is missing"),
        (("nodes", 2, "parameters"), [], r"nodes\[2\] .*ttfs_b1 needs threshold"),
        (("nodes", 2, "parameters"), ["treshold"], r"nodes\[2\] .*array 'node2.treshold' is missing"),
        (("nodes", 2, "window"), LOST, r"nodes\[2\] .*window is missing"),
        (("projections", 0, "kind"), "dens", r"projections\[0\] .*kind = 'dens'; must be one of dense"),
        (("projections", 0, "delay"), -1, r"projections\[0\] .*delay holds -1; must be a number as text"),
        (("projections", 0, "delay"), "-1", r"projections\[0\] .*delay = -1.0; must be >= 0"),
        (("projections", 0, "pre"), "inptu", r"projections\[0\] .*unknown population 'inptu', did you mean 'input'"),
        (("projections", 1), LOST, "array 'projection1.sources' belongs to nothing in this network"),
        (("provenance",), [], r"header\['provenance'\] is no dict"),
    ],
)
def test_a_network_file_with_a_wrong_entry_is_refused_by_its_place(saved, tmp_path, place, value, message):
    header, arrays = saved["network"]
    path = write(tmp_path / "net.npz", changed(header, place, value), arrays)
    refused(eventsim.load_network, path, message)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("node2.threshold", np.ones(3), r"nodes\[2\] .*'node2.threshold' has shape \(3,\); must be \(2,\)"),
        ("node2.threshold", np.array([1.0, np.nan]), r"nodes\[2\] .*threshold\[1\] = nan"),
        ("node2.threshold", np.array(["1", "x"]), r"nodes\[2\] .*node2.threshold holds 'x'; must be a number as text"),
        ("node4.reset", np.array([7.0]), r"nodes\[4\] .*reset = .*; must be one of soft, hard"),
        ("node1.rate", np.array([-1.0]), r"nodes\[1\] .*rate = array\(\[-1.\]\); must be >= 0"),
        ("projection0.weights", np.full((2, 2), np.inf), r"projections\[0\] .*weight\[0, 0\] = inf; must be finite"),
        ("projection1.targets", np.array([0, 9]), r"projections\[1\] .*targets\[1\] = 9; must be in 0\.\.1"),
        ("extra", np.zeros(1), "array 'extra' belongs to nothing in this network"),
    ],
)
def test_a_network_file_with_a_wrong_array_is_refused_by_its_name(saved, tmp_path, name, array, message):
    header, arrays = saved["network"]
    refused(eventsim.load_network, write(tmp_path / "net.npz", header, arrays | {name: array}), message)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("populations",), "input", r"header\['populations'\] = 'input'; must be of type list"),
        (("populations", 0), None, r"header\['populations'\] = .*; must be different names"),
        (("populations", 0), "hidden", "must be different names"),
        (("shapes",), "x", r"header\['shapes'\] = 'x'; must be of type list"),
        (("shapes", 0), -1, r"header\['shapes'\] = .*; must be 5 lists of integers >= 1"),
        (("shapes", 0), [None], "must be 5 lists of integers >= 1"),
        (("shapes", 4), LOST, "must be 5 lists of integers >= 1"),
        (("n_samples",), float("inf"), r"header\['n_samples'\] = inf; must be of type int"),
        (("n_samples",), 0, r"header\['n_samples'\] = 0; must be >= 1"),
        (("n_samples",), 3, r"array 'fabric' has shape \(2, 5\) of int64; must be \(3, 5\)"),
        (("complete",), 1, r"header\['complete'\] = 1; must be of type bool"),
        (("counters",), {}, r"header\['counters'\]\['by_population'\] must have an entry for each population"),
        (("counters", "spikes"), "x", "counters: spikes = 'x'; must be an integer >= 0"),
        (("counters", "spikes"), [], r"counters: spikes = \[\]; must be an integer >= 0"),
        (("counters", "by_population", "hidden"), None, "counters of 'hidden': spikes = None"),
        (("counters", "by_population", "output"), LOST, "must have an entry for each population and no other"),
        (("counters", "transport"), 5, r"header\['counters'\]\['transport'\] = 5; must be a dict of finite numbers"),
        (("windows",), [], r"header\['windows'\] = \[\]; must be of type dict"),
        (("windows", "hidden"), [], r"window of 'hidden' = \[\]; must be two or three increasing times as text"),
        (("windows", "hidden"), ["0", "inf", "inf"], "window of 'hidden' = .*; must be two or three increasing times"),
        (("windows", "hidden"), ["0", "nan", "2"], "window of 'hidden' = .*; must be two or three increasing times"),
        (("windows", "hidden"), LOST, r"header\['windows'\] must have an entry for each population"),
        (("provenance",), None, r"header\['provenance'\] = None; must be of type dict"),
        (("provenance", "time_unit"), "x", r"provenance\['time_unit'\] = 'x'; must be a number > 0 or null"),
        (("provenance", "until"), [], r"provenance\['until'\] = \[\]; must be a number > 0 or null"),
        (("provenance", "seed"), 1.5, r"provenance\['seed'\] = 1.5; must be an integer >= 0"),
        (("provenance", "sample_ids"), [0], "provenance has 1 sample_ids for 2 samples"),
        (("provenance", "sources"), ["x"], r"provenance\['sources'\] = \['x'\]; must be names of populations"),
        (("provenance", "sources"), "input", r"provenance\['sources'\] = 'input'; must be names of populations"),
        (("provenance", "faults"), LOST, r"provenance\['faults'\] = None; must be a list of dicts"),
        (("provenance", "transport"), {}, r"provenance\['transport'\] = \{\}; must be a dict with its name, or null"),
        (
            ("provenance", "fabric", "parts", 0),
            "wire",
            "must be the name, the part and the latency of each of 1 station",
        ),
    ],
)
def test_a_run_file_with_a_wrong_entry_is_refused_by_its_place(saved, tmp_path, place, value, message):
    header, arrays = saved["run"]
    path = write(tmp_path / "run.npz", changed(header, place, value), arrays)
    refused(eventsim.load_run, path, f"not a complete eventsim run: .*{message}.*Save it again")


def record(name, field, value):
    """The array of this name with one field of all its records replaced."""

    def change(arrays):
        records = arrays[name].copy()
        records[field] = value
        return {name: records}

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"spikes": np.zeros(3)}, r"array 'spikes' has shape \(3,\) of float64; must be \(n\) of"),
        (lambda a: {"spikes": a["spikes"][None]}, r"array 'spikes' has shape \(1, \d+\)"),
        (lambda a: {"spikes": a["spikes"][::-1]}, r"samples of array 'spikes' are not in order"),
        (record("spikes", "sample", 7), r"samples of array 'spikes' are not in order or not in 0\.\.1"),
        (record("spikes", "population", 9), "a record of array 'spikes' names a population that the run does not have"),
        (record("spikes", "neuron", 2), "a record of array 'spikes' names a neuron that its population does not have"),
        (record("spikes", "time", np.nan), "a time of array 'spikes' is negative, infinite or NaN"),
        (record("traces", "neuron", -1), "a record of array 'traces' names a neuron"),
        (lambda a: {"first": a["first"][:, 1:]}, r"array 'first' has shape \(2, 7\) of float64; must be \(2, 8\)"),
        (lambda a: {"first": a["first"].astype("f4")}, r"array 'first' has shape \(2, 8\) of float32"),
        (lambda a: {"first": a["first"] * np.nan}, "array 'first' holds NaN or negative times"),
        (lambda a: {"readout": a["readout"][0]}, r"array 'readout' has shape \(2,\) of float64; must be \(2, n\)"),
        (lambda a: {"readout": a["readout"][:, :0]}, "array 'readout' has 0 columns for 8 neurons"),
        (
            lambda a: {"extra": np.zeros(1)},
            "array 'extra' is none of spikes, first, errors, traces, fabric",
        ),
    ],
)
def test_a_run_file_with_a_wrong_array_is_refused_by_its_name(saved, tmp_path, change, message):
    header, arrays = saved["run"]
    path = write(tmp_path / "run.npz", header, arrays | change(arrays))
    refused(eventsim.load_run, path, message)


def test_the_files_themselves_are_read(saved, tmp_path):
    net = eventsim.load_network(write(tmp_path / "net.npz", *saved["network"]))
    run = eventsim.load_run(write(tmp_path / "run.npz", *saved["run"]), net)
    assert net.hash() == network().hash()
    assert run.recorded("hidden") == [0]


@pytest.mark.parametrize("path", [None, 5, b"n.npz", "a\0b", ["n.npz"]])
def test_a_path_is_text_or_a_path(path):
    for use in (eventsim.load_network, eventsim.load_run, network().save):
        with pytest.raises(InputError, match=r"path = .*; must be the path of a file, as text or a pathlib\.Path"):
            use(path)


def test_a_run_is_loaded_with_a_network(saved, tmp_path):
    path = write(tmp_path / "run.npz", *saved["run"])
    with pytest.raises(InputError, match="load_run: network is a str; must be the Network that was simulated, or None"):
        eventsim.load_run(path, "net.npz")
