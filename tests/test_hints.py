"""What a refusal offers is what was meant, and what it says to do works as it says."""

# What is given wrongly is given on purpose.
# mypy: disable-error-code="arg-type"

import numpy as np
import pytest

import eventsim
from eventsim.errors import InputError, ModelError, NetworkError, nearest
from eventsim.models import certify, read_relu, to_ttfs
from eventsim.network.neuron_model import find_model, model_names
from eventsim.network.spellings import MODELS, PARAMETERS

sparse = pytest.importorskip("scipy.sparse")


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("LIF_exp", "'lif_exp'"),
        ("LIF_EXP", "'lif_exp'"),
        ("lif", "'lif_alpha', 'lif_clocked', 'lif_delta' or 'lif_exp'"),
        ("LIF", "'lif_alpha', 'lif_clocked', 'lif_delta' or 'lif_exp'"),
        ("if", "'if_delta' or 'if_exp'"),
        ("ttfs", "'ttfs_alpha1' or 'ttfs_b1'"),
        ("linear", "'linear_psp'"),
        ("iaf_psc_exp", "'lif_exp'"),
        ("IF_curr_alpha", "'lif_alpha'"),
        ("CubaLIF", "'lif_exp'"),
        ("Leaky", "'lif_clocked'"),
        ("GLIF", "'glif'"),
        ("iaf_psc_exp_ps", "'lif_exp'"),
        ("izhikevich", "'qif'"),
        ("Theta", "'qif'"),
        ("quadratic", "'qif'"),
    ],
)
def test_a_model_is_offered_that_the_name_means(name, offered):
    with pytest.raises(ModelError, match=rf"unknown neuron model {name!r}, did you mean {offered}\?; available"):
        eventsim.Network().population(name, 1)


@pytest.mark.parametrize(
    ("model", "name", "offered"),
    [
        ("lif_exp", "v_rest", "v_leak"),
        ("lif_exp", "V_rest", "v_leak"),
        ("lif_exp", "E_L", "v_leak"),
        ("lif_exp", "V_th", "v_threshold"),
        ("lif_exp", "v_th", "v_threshold"),
        ("lif_exp", "V_thresh", "v_threshold"),
        ("ttfs_b1", "v_th", "threshold"),
        ("lif_exp", "V_reset", "v_reset"),
        ("lif_exp", "tau_m", "tau_mem"),
        ("lif_exp", "tau_syn_ex", "tau_syn"),
        ("alpha_psp", "tau_syn_ex", "tau_syn"),
        ("qif", "v_crit", "v_critical"),
        ("lif_exp", "tau_ref", "t_ref"),
        ("lif_exp", "I_e", "current"),
        ("lif_clocked", "beta", "decay"),
    ],
)
def test_a_parameter_is_offered_that_the_name_means(model, name, offered):
    with pytest.raises(ModelError, match=rf"unknown parameter {name!r}, did you mean {offered!r}\?"):
        eventsim.Network().population(model, 1, **{name: 1.0})


@pytest.mark.parametrize("name", ["tau_syn_ex", "tau_syn_in", "tau_syn_E", "tau_syn_I", "taue", "tau_i", "tau_ampa"])
def test_two_time_constants_of_elsewhere_are_told_to_be_receptors_and_how(name):
    said = r' Give each receptor its own, tau_syn=\{"excitatory": 2.0, "inhibitory": 8.0\}, and connect with receptor='
    with pytest.raises(ModelError, match=said) as refused:
        eventsim.Network().population("lif_exp", 1, **{"tau_mem": 10.0, name: 2.0})
    net = eventsim.Network()
    told = str(refused.value).partition("its own, ")[2].partition(", and connect")[0]
    given = eval(f"dict({told})", {})  # noqa: S307 - what the message says
    assert net.population("lif_exp", 1, tau_mem=10.0, **given).model.receptors == ("excitatory", "inhibitory")
    with pytest.raises(ModelError, match=rf"unknown parameter {name!r}, did you mean 'tau_syn'\?; if_exp takes [^;]*$"):
        eventsim.Network().population("if_exp", 1, **{name: 2.0})  # which has one current


def test_nothing_is_offered_for_a_name_whose_meaning_the_model_does_not_have():
    """`if_delta` has no leak: v_reset looks like v_rest, and is something else."""
    with pytest.raises(ModelError, match="unknown parameter 'v_rest'; if_delta takes v_threshold, v_reset"):
        eventsim.Network().population("if_delta", 1, v_rest=1.0)


def test_what_others_call_the_same_is_a_model_or_a_parameter_here():
    known = {parameter.name for name in model_names() for parameter in find_model(name).parameters}
    assert {name for names in PARAMETERS.values() for name in names} <= known
    assert {name for names in MODELS.values() for name in names} <= {*model_names()}


def test_names_that_begin_alike_are_offered_together():
    layers = [f"conv_{i}" for i in range(10)]
    assert nearest("conv", layers).count("'conv_") == 6
    assert nearest("conv_77", ["conv_7", "dense"]) == ", did you mean 'conv_7'?"
    assert nearest("", layers) == nearest("pool", ["dense"]) == ""


def connected(projection):
    net = eventsim.Network()
    source = net.source(3, name="input")
    cells = net.population("lif_delta", 2, name="cells", tau_mem=10.0)
    net.connect(source, cells, projection)
    return net


WEIGHTS = np.array([[1.5, 0.0, 0.0], [0.0, 2.0, 0.25]])


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "coo_matrix", "lil_matrix"])
def test_a_sparse_matrix_is_told_to_be_sparse_and_how(form):
    matrix = getattr(sparse, form)(WEIGHTS)
    how = r"eventsim.Sparse.from_scipy\(matrix\)"
    with pytest.raises(NetworkError, match=rf"{form} is no projection; .* A sparse matrix .* is a Sparse, {how}"):
        connected(matrix)
    with pytest.raises(NetworkError, match=rf"Dense: weights are a sparse {form}, which Dense .* projection, {how}"):
        connected(eventsim.Dense(matrix))
    with pytest.raises(NetworkError, match=r"weight is a sparse .*; must be an array\. Give its \.toarray\(\)"):
        read_relu({"weights": [matrix]})
    with pytest.raises(InputError, match=r"x is a sparse .*; must be an array\. Give its \.toarray\(\)"):
        eventsim.simulate(connected(eventsim.Dense(WEIGHTS)), matrix)
    x = [[0.5, 0.25, 0.75]]
    told = eventsim.simulate(connected(eventsim.Sparse.from_scipy(matrix)), x, engine="reference")
    same = eventsim.simulate(connected(eventsim.Dense(WEIGHTS)), x, engine="reference")
    assert told.spike_times("cells").tolist() == same.spike_times("cells").tolist()


@pytest.mark.references
@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr"])
def test_a_sparse_tensor_is_told_the_same(layout):
    torch = pytest.importorskip("torch")
    matrix = getattr(torch.from_numpy(WEIGHTS), layout)()
    with pytest.raises(NetworkError, match="Dense: weights are a sparse Tensor, which Dense does not take") as refused:
        eventsim.Dense(matrix)
    said = str(refused.value).partition("coalesce(): ")[2].partition("; or give its .to_dense()")[0]
    told = eval(said, {"m": matrix.to_sparse_coo().coalesce(), "eventsim": eventsim})  # noqa: S307 - what it says
    x = [[0.5, 0.25, 0.75]]
    runs = [eventsim.simulate(connected(one), x, engine="reference") for one in (told, eventsim.Dense(WEIGHTS))]
    assert runs[0].spike_times("cells").tolist() == runs[1].spike_times("cells").tolist()


@pytest.mark.parametrize("shape", [(2,), (1, 2)])
@pytest.mark.parametrize("as_times", [False, True])
def test_spikes_by_time_step_are_told_to_be_spike_times_and_how(shape, as_times):
    net = eventsim.Network()
    net.source(shape, name="input")
    cells = net.population("lif_delta", 2, name="cells", tau_mem=10.0, v_threshold=0.75)
    net.connect("input", cells, eventsim.Dense(np.eye(2)))
    x = np.zeros((3, 5, *shape))
    x[0, 1], x[1, 3].flat[1], x[2, 4].flat[0] = 1, 1, 1
    given = eventsim.SpikeTimes(x) if as_times else x
    with pytest.raises(InputError, match=r"does not say how long a step is\. Give eventsim\.") as refused:
        eventsim.simulate(net, given, engine="reference")
    said = str(refused.value).partition("step is. Give ")[2].partition(" (steps first")[0]
    name = "times" if as_times else "x"
    told = eval(said, {"dt": 0.5, "np": np, "eventsim": eventsim, name: x})  # noqa: S307 - what the message says
    run = eventsim.simulate(net, told, engine="reference")
    assert run.spike_times("cells").tolist() == [[0.5, 0.5], [np.inf, 1.5], [2.0, np.inf]]


def test_arrays_that_hold_no_steps_are_told_to_be_reshaped():
    net = connected(eventsim.Dense(WEIGHTS))
    with pytest.raises(InputError, match="Reshape the data; one sample needs a leading axis"):
        eventsim.simulate(net, np.zeros((2, 3, 4)))


def cells(**changes):
    settings = {"tau_mem": 10.0, "v_threshold": [1.0, 2.0], "weights": [[1.5], [2.5]], "delay": 0.5} | changes
    weights, delay = settings.pop("weights"), settings.pop("delay")
    net = eventsim.Network(settings.pop("time_unit", None))
    source = net.source(1, name="input")
    made = net.population(settings.pop("model", "lif_delta"), 2, name="cells", **settings)
    net.connect(source, made, eventsim.Dense(weights), delay=delay)
    return net


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"v_threshold": [1.0, 2.5]}, r"v_threshold of 'cells' \(\[1\] = 2.0, not 2.5\)"),
        ({"tau_mem": 9.0}, r"tau_mem of 'cells' \(\[0\] = 10.0, not 9.0\)"),
        ({"weights": [[1.5], [2.25]]}, r"weights of input -> cells \(\[1, 0\] = 2.5, not 2.25\)"),
        ({"delay": 0.25}, r"delay of input -> cells \('0.5', not '0.25'\)"),
        ({"time_unit": 1e-3}, r"the time unit \(None, not 0.001\)"),
        ({"model": "if_delta"} | {"tau_mem": None}, r"model of 'cells' \('lif_delta', not 'if_delta'\)"),
    ],
)
def test_a_run_of_another_network_says_what_differs(tmp_path, changes, said):
    x = eventsim.SpikeTimes([[[0.25]]])
    run = eventsim.simulate(cells(), x, until=1.0, keep_state=True, engine="compiled")
    run.save(tmp_path / "run.npz")
    given = {name: value for name, value in ({"tau_mem": 10.0} | changes).items() if value is not None}
    net = cells(**given) if "model" not in changes else other_model()
    with pytest.raises(InputError, match=rf"resume = a run with another net \(it differs in {said}"):
        eventsim.simulate(net, x, until=2.0, resume=run)
    with pytest.raises(InputError, match=rf"explain: this is a run of another network \(it differs in {said}"):
        eventsim.explain(net, run, "cells", 0)
    where = said.partition(r" \(")[0]  # a file has digests, and no values
    with pytest.raises(InputError, match=rf"resume = a run with another net \(it differs in {where}"):
        eventsim.simulate(net, x, until=2.0, resume=eventsim.load_run(tmp_path / "run.npz"))
    with pytest.raises(InputError, match=rf"this is a run of another network \(it differs in {where}"):
        eventsim.load_run(tmp_path / "run.npz", net)


def other_model():
    net = eventsim.Network()
    source = net.source(1, name="input")
    made = net.population("if_delta", 2, name="cells", v_threshold=[1.0, 2.0])
    net.connect(source, made, eventsim.Dense([[1.5], [2.5]]), delay=0.5)
    return net


def test_a_file_that_kept_no_state_knows_the_hash_alone(tmp_path):
    eventsim.simulate(cells(), eventsim.SpikeTimes([[[0.25]]]), engine="reference").save(tmp_path / "run.npz")
    with pytest.raises(InputError, match=r"another network \(hash [0-9a-f]{12}, not [0-9a-f]{12}\)"):
        eventsim.load_run(tmp_path / "run.npz", cells(tau_mem=9.0))


def test_certify_says_in_what_the_network_of_a_run_differs():
    def net(weight):
        return to_ttfs({"weights": [[[weight]], [[1.0]]]}, [[0.5]], windows=[2.0])

    run = eventsim.simulate(net(1.0), [[0.5]], engine="reference")
    with pytest.raises(InputError, match=r"another network \(it differs in weights of input -> dense1 \(\[0, 0\] = 1"):
        certify(net(1.25), run=run)
