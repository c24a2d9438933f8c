"""Lists of synapses: their canonical order, whatever they are made of, and matrices of SciPy."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import Sparse
from eventsim.errors import NetworkError
from eventsim.network import synapse_order

sparse = pytest.importorskip("scipy.sparse")
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
ROWS = st.lists(st.tuples(*[st.integers(0, 4)] * 4), max_size=40)
WEIGHTS = np.array([[1.5, 0.0, 0.0], [0.0, 2.0, 0.25]])


@given(rows=ROWS, together=st.sampled_from([1, 3, 2**14]), own_delays=st.booleans(), exact=st.booleans())
def test_synapses_are_in_the_order_of_source_delay_target_weight(rows, together, own_delays, exact):
    kept, synapse_order.TOGETHER = synapse_order.TOGETHER, together
    try:
        source, delay, target, weight = np.array(rows, dtype=int).reshape(-1, 4).T
        weights = np.array([Fraction(int(w), 3) for w in weight], dtype=object) if exact else weight / 3
        made = Sparse(source, target, weights, delay / 4 if own_delays else None)
    finally:
        synapse_order.TOGETHER = kept
    expected = sorted((s, d if own_delays else 0, t, w) for s, d, t, w in rows)
    assert made.sources.tolist() == [row[0] for row in expected]
    assert made.targets.tolist() == [row[2] for row in expected]
    assert [round(3 * w) for w in made.weights.tolist()] == [row[3] for row in expected]
    assert not own_delays or [4 * d for d in made.delays.tolist()] == [row[1] for row in expected]


def test_fractions_that_round_to_one_number_are_in_their_own_order():
    near = [Fraction(1, 3) + Fraction(k, 10**30) for k in range(4)]
    for weights in (near, near[::-1]):
        assert Sparse([0] * 4, [0] * 4, np.array(weights, dtype=object)).weights.tolist() == near


def test_what_is_in_order_is_not_sorted_and_is_a_copy():
    sources, targets = np.arange(5, dtype=np.int32), np.arange(5, dtype=np.int32)
    assert synapse_order.canonical_order(sources, None, targets, np.ones(5)) is None
    made = Sparse(sources, targets, np.ones(5))
    sources[:] = 0
    assert made.sources.tolist() == [0, 1, 2, 3, 4]
    assert not any(array.flags.writeable for array in made.arrays().values())


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_matrix_of_any_format_is_the_same_list(form, kind):
    made = Sparse.from_scipy(getattr(sparse, f"{form}_{kind}")(WEIGHTS))
    listed = zip(made.targets.tolist(), made.sources.tolist(), made.weights.tolist(), strict=True)
    assert {(t, s): w for t, s, w in listed if w} == {(0, 0): 1.5, (1, 1): 2.0, (1, 2): 0.25}
    assert made.n_synapses == 3 or form in ("bsr", "dia")  # which store zeros


def test_what_is_stored_twice_is_added_and_stored_zeros_are_synapses():
    matrix = sparse.coo_array(([1.0, 0.5, 0.0], ([0, 0, 1], [2, 2, 0])), shape=(2, 3))
    made = Sparse.from_scipy(matrix)
    assert list(zip(made.sources, made.targets, made.weights, strict=True)) == [(0, 1, 0.0), (2, 0, 1.5)]
    assert matrix.nnz == 3  # as it was


def test_delays_are_a_matrix_with_the_same_entries():
    matrix = sparse.csr_array(WEIGHTS)
    delays = matrix.copy()
    delays.data = np.array([3.0, 2.0, 1.0])
    assert Sparse.from_scipy(matrix, delays).delays.tolist() == [3.0, 2.0, 1.0]
    with pytest.raises(NetworkError, match=r"delays of shape \(2, 3\) with 6 entries, .* with 3; must have the same"):
        Sparse.from_scipy(matrix, sparse.csr_array(np.ones((2, 3))))


def test_a_matrix_is_for_populations_of_its_shape():
    net = eventsim.Network()
    for name, size in (("a", 3), ("b", 2), ("c", 4)):
        net.population("linear_psp", size, name=name, threshold=1.0)
    synapses = Sparse.from_scipy(sparse.csr_array(WEIGHTS))
    net.connect("a", "b", synapses)
    for pre, post in (("b", "a"), ("a", "c"), ("c", "b")):
        with pytest.raises(NetworkError, match=r"Sparse is for \(n_out, n_in\) = \(2, 3\); must be"):
            net.connect(pre, post, synapses)


@pytest.mark.parametrize("shape", [5, (1, 2, 3), "ab", (1.5, 2), (-1, 2)])
def test_sizes_that_are_none_are_refused(shape):
    with pytest.raises(NetworkError, match=r"Sparse: shape.* = .*; must be"):
        Sparse([0], [0], [1.0], None, shape)


def test_what_is_no_matrix_is_refused():
    for wrong in (WEIGHTS, sparse.coo_array(np.ones(3)), None):
        with pytest.raises(NetworkError, match=r"must be a sparse matrix \(n_out, n_in\) of SciPy"):
            Sparse.from_scipy(wrong)
    with pytest.raises(NetworkError, match=r"weight\[1\] = inf; must be finite"):
        Sparse.from_scipy(sparse.csr_array([[1.0, np.inf]]))


@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
@pytest.mark.parametrize(("part", "value"), [("indices", 99), ("indices", -1), ("indptr", 10**6)])
def test_a_matrix_whose_indices_are_damaged_is_refused_before_anything_is_read(form, part, value):
    matrix = getattr(sparse, f"{form}_array")(np.eye(3))
    getattr(matrix, part)[1] = value
    with pytest.raises(NetworkError, match=rf"matrix is a damaged {form}_array .*must have indices within its shape"):
        Sparse.from_scipy(matrix)


def test_one_weight_is_for_all_of_one_to_one():
    net = eventsim.Network()
    cells = net.population("linear_psp", (2, 2), name="cells", threshold=1.0)
    other = net.population("linear_psp", 3, name="other", threshold=1.0)
    assert net.connect(cells, cells, eventsim.OneToOne(0.5)).kind.weights.tolist() == [0.5] * 4
    third = net.connect(cells, cells, eventsim.OneToOne(Fraction(1, 3))).kind
    assert third.weights.tolist() == [Fraction(1, 3)] * 4
    with pytest.raises(NetworkError, match="for 4 sources and 3 targets; all three must be equal"):
        net.connect(cells, other, eventsim.OneToOne(0.5))
