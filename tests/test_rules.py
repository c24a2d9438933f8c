"""Networks by rules: what each rule promises, its statistics, and that nothing but the documented numbers decides.

Statistics are chi-square tests at fixed seeds; a probability below P_THRESHOLD fails. Oracles draw one number at a
time, with Philox from `eventsim.randomness`.
"""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import Sparse
from eventsim.connectivity import chosen, distance_rule, rules, synapse_values
from eventsim.connectivity.draws import pieces
from eventsim.errors import NetworkError
from eventsim.randomness import philox, stream_key, uniforms

stats = pytest.importorskip("scipy.stats")
P_THRESHOLD = 1e-3
RULES: dict[str, Any] = {
    "indegree": lambda **given: Sparse.fixed_indegree(3, 8, 6, **given),
    "outdegree": lambda **given: Sparse.fixed_outdegree(4, 8, 6, **given),
    "total": lambda **given: Sparse.fixed_total(20, 8, 6, **given),
    "bernoulli": lambda **given: Sparse.bernoulli(0.4, 8, 6, **given),
    "distance": lambda **given: Sparse.by_distance(
        lambda d: np.where(d < 3, 0.5, 0.1), 8, 6, **{"space": eventsim.Space(extent=8.0), **given}
    ),
}


def p_of(observed, expected) -> float:
    """Chi-square of counts; neighbouring cells are joined until at least five are expected in each."""
    cells: list[list[float]] = []
    for pair in zip(observed, expected, strict=True):
        if cells and min(cells[-1][1], pair[1]) < 5:
            cells[-1] = [cells[-1][0] + pair[0], cells[-1][1] + pair[1]]
        else:
            cells.append(list(pair))
    seen, wanted = np.array(cells).T
    assert seen.sum() == pytest.approx(wanted.sum())
    return float(stats.chisquare(seen, wanted).pvalue) if len(cells) > 1 else 1.0


def pairs_of(made) -> list[tuple[int, int]]:
    return list(zip(made.sources.tolist(), made.targets.tolist(), strict=True))


def binomial_counts(values, n, p):
    """Histogram of values, and what a binomial distribution makes of it."""
    k = np.arange(n + 1)
    return np.bincount(values, minlength=n + 1), len(values) * stats.binom.pmf(k, n, p)


# -- what is promised --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize("multapses", [True, False])
def test_degrees_and_totals_are_what_is_asked_for(autapses, multapses):
    how: dict[str, Any] = {"weights": 0.5, "seed": 2, "autapses": autapses, "multapses": multapses}
    into, out = Sparse.fixed_indegree(7, 10, 10, **how), Sparse.fixed_outdegree(7, 10, 10, **how)
    total = Sparse.fixed_total(57, 10, 10, **how)
    assert np.bincount(into.targets).tolist() == [7] * 10
    assert np.bincount(out.sources).tolist() == [7] * 10
    assert total.n_synapses == 57
    for made in (into, out, total):
        assert made.parallel == multapses
        assert (made.sources == made.targets).any() == autapses


def test_as_many_partners_as_there_are_is_all_of_them():
    both = list(itertools.product(range(4), range(4)))
    others = [(i, j) for i, j in both if i != j]
    for autapses, n, expected in ((True, 4, both), (False, 3, others)):
        how: dict[str, Any] = {"weights": 1.0, "seed": 0, "autapses": autapses}
        assert pairs_of(Sparse.fixed_indegree(n, 4, 4, **how)) == expected
        assert pairs_of(Sparse.fixed_outdegree(n, 4, 4, **how)) == expected
        assert pairs_of(Sparse.fixed_total(len(expected), 4, 4, **how)) == expected
        assert pairs_of(Sparse.bernoulli(1.0, 4, 4, **how)) == expected
        assert pairs_of(Sparse.bernoulli(1.0 - 2.0**-53, 4, 4, **how)) == expected
        assert pairs_of(Sparse.by_distance(np.ones_like, 4, 4, **how)) == expected


def test_none_is_an_empty_list_that_connects():
    net = eventsim.Network()
    cells = net.population("linear_psp", 5, name="cells", threshold=1.0)
    how: dict[str, Any] = {"weights": eventsim.Normal(1.0, 0.5), "delays": eventsim.Uniform(1, 2), "seed": 0}
    for made in (
        Sparse.fixed_indegree(0, cells, cells, **how), Sparse.fixed_outdegree(0, cells, cells, **how),
        Sparse.fixed_total(0, cells, cells, **how), Sparse.bernoulli(0.0, cells, cells, **how),
        Sparse.bernoulli(5e-324, cells, cells, **how), Sparse.by_distance(np.zeros_like, cells, cells, **how),
        Sparse.bernoulli(0.5, 1, 1, weights=1.0, seed=0, autapses=False),
    ):  # fmt: skip
        assert made.n_synapses == 0
    net.connect(cells, cells, Sparse.bernoulli(0, cells, cells, weights=1.0, seed=0))
    assert net.n_synapses == 0


def test_populations_of_the_largest_size_are_reached():
    most = 2**31 - 1
    made = Sparse.fixed_outdegree(50_000, 1, most, weights=1.0, seed=0)
    assert made.targets.max() > 0.999 * most
    assert Sparse.fixed_indegree(3, most, 2, weights=1.0, seed=0).n_synapses == 6
    pairs = Sparse.fixed_total(1000, most, most, weights=1.0, seed=0)
    assert min(pairs.sources.max(), pairs.targets.max()) > 0.99 * most
    assert 50 < Sparse.bernoulli(100 / most, 1, most, weights=1.0, seed=0).n_synapses < 150


# -- what decides ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_nothing_depends_on_how_many_are_made_together(rule, monkeypatch):
    how: dict[str, Any] = {"weights": eventsim.Normal(1.0, 0.5), "delays": eventsim.Exponential(2.0), "seed": 3}
    usual = RULES[rule](**how)
    assert usual.n_synapses > 10
    for size in (1, 5, 2**20):
        monkeypatch.setattr(synapse_values, "pieces", lambda n, size=size: pieces(n, size))
        monkeypatch.setattr(chosen, "PIECE", size)
        monkeypatch.setattr(rules, "PIECE", size)
        monkeypatch.setattr(distance_rule, "MOST", max(4, size // 4 * 4))
        again = RULES[rule](**how)
        for name, array in usual.arrays().items():
            assert array.tolist() == again.arrays()[name].tolist(), name


@pytest.mark.parametrize("rule", RULES)
def test_the_seed_and_the_names_decide_and_nothing_else(rule):
    how: dict[str, Any] = {"weights": eventsim.Normal(1.0, 0.5), "seed": 3}
    assert pairs_of(RULES[rule](**how)) == pairs_of(RULES[rule](**how))
    assert pairs_of(RULES[rule](**how)) != pairs_of(RULES[rule](**(how | {"seed": 4})))
    assert not set(RULES[rule](**how).weights) & set(RULES[rule](**(how | {"seed": 4})).weights)


def test_nodes_of_other_names_are_connected_independently_under_one_seed():
    def made(*names):
        net = eventsim.Network()
        nodes = [net.population("linear_psp", 200, name=name, threshold=1.0) for name in names]
        return {tuple(pair) for pair in pairs_of(Sparse.bernoulli(0.1, nodes[0], nodes[-1], weights=1.0, seed=1))}

    one, other = made("a", "b"), made("a", "c")
    assert one == made("a", "b")
    common = len(one & other)
    assert p_of([common, 40_000 - common], [400, 39_600]) > P_THRESHOLD


def test_a_synapse_keeps_its_weight_whichever_others_there_are():
    how: dict[str, Any] = {"weights": eventsim.Lognormal(0.0, 1.0), "seed": 3}
    few, many = Sparse.bernoulli(0.2, 30, 30, **how), Sparse.bernoulli(0.9, 30, 30, **how)
    weight = dict(zip(pairs_of(many), many.weights.tolist(), strict=True))
    both = [(pair, one) for pair, one in zip(pairs_of(few), few.weights.tolist(), strict=True) if pair in weight]
    assert len(both) > 100
    assert all(weight[pair] == one for pair, one in both)


def test_parallel_synapses_have_weights_of_their_own():
    made = Sparse.fixed_total(500, 2, 2, weights=eventsim.Uniform(0, 1), seed=0, multapses=True)
    assert len(set(made.weights.tolist())) == 500


def test_a_probability_is_met_by_the_documented_gaps():
    key = np.uint64(stream_key(5, "Sparse.bernoulli", "", ""))
    for p in (0.003, 0.2, 0.95):
        expected = []
        for source in range(40):
            target, number = -1, 0
            while True:
                u, _ = uniforms(key, np.uint64(0), source, number)
                target, number = target + 1 + math.floor(math.log(u) / math.log1p(-p)), number + 1
                if target >= 300:
                    break
                expected.append((source, target))
        assert pairs_of(Sparse.bernoulli(p, 40, 300, weights=1.0, seed=5)) == expected


def test_distances_decide_by_the_documented_words():
    key = stream_key(5, "Sparse.by_distance", "", "")
    expected = []
    for i, j in itertools.product(range(9), range(14)):
        low = 0xFFFFFFFF
        word = philox(*map(np.uint64, (i, j // 4, 0, 0, key & low, key >> 32)))[j % 4]
        if Fraction(int(word), 2**32) < Fraction(1, 1 + abs(i - j)):
            expected.append((i, j))
    space = eventsim.Space(positions=(np.arange(9.0)[:, None], np.arange(14.0)[:, None]))
    assert pairs_of(Sparse.by_distance(lambda d: 1 / (1 + d), 9, 14, weights=1.0, seed=5, space=space)) == expected


def test_where_a_word_does_not_decide_53_bits_more_do(monkeypatch):
    """With words that are all equal to the whole part of p 2^32, the rest of p is the probability."""
    monkeypatch.setattr(
        distance_rule, "_words", lambda key, sources, columns: np.full((len(sources), columns.stop), 8.0)
    )
    made = Sparse.by_distance(lambda d: np.full(d.shape, 8.3 / 2**32), 40, 40, weights=1.0, seed=1)
    assert p_of([made.n_synapses, 1600 - made.n_synapses], [480, 1120]) > P_THRESHOLD


# -- statistics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("rule", [Sparse.fixed_indegree, Sparse.fixed_outdegree])
def test_all_subsets_of_partners_are_equally_likely(rule, n):
    rows = 20_000
    sizes = (6, rows) if rule == Sparse.fixed_indegree else (rows, 6)
    made = rule(n, *sizes, weights=1.0, seed=7)
    mine = np.lexsort((made.sources, made.targets)) if sizes[0] == 6 else np.arange(made.n_synapses)
    others = (made.sources if sizes[0] == 6 else made.targets)[mine].reshape(rows, n)
    subsets = list(itertools.combinations(range(6), n))
    counts = [int((others == subset).all(axis=1).sum()) for subset in subsets]
    assert p_of(counts, [rows / len(subsets)] * len(subsets)) > P_THRESHOLD


@pytest.mark.parametrize("n", [2, 5])
def test_all_subsets_of_pairs_are_equally_likely(n):
    draws = 3000
    subsets = dict.fromkeys(itertools.combinations(itertools.product(range(2), range(3)), n), 0)
    for seed in range(draws):
        subsets[tuple(pairs_of(Sparse.fixed_total(n, 2, 3, weights=1.0, seed=seed)))] += 1
    assert p_of(subsets.values(), [draws / len(subsets)] * len(subsets)) > P_THRESHOLD


def test_without_autapses_all_others_are_equally_likely():
    made = Sparse.fixed_total(11_000, 12, 12, weights=1.0, seed=3, autapses=False, multapses=True)
    into = Sparse.fixed_indegree(1000, 12, 12, weights=1.0, seed=3, autapses=False, multapses=True)
    for synapses in (made, into):
        counts = np.bincount(synapses.sources * 12 + synapses.targets, minlength=144).reshape(12, 12)
        assert (np.diag(counts) == 0).all()
        mean = synapses.n_synapses / 132
        assert p_of(counts[~np.eye(12, dtype=bool)], [mean] * 132) > P_THRESHOLD


def test_independent_synapses_meet_as_often_as_birthdays_do():
    made = Sparse.fixed_indegree(3, 4, 20_000, weights=1.0, seed=3, multapses=True)
    sources = made.sources[np.lexsort((made.sources, made.targets))].reshape(-1, 3)
    different = 1 + (np.diff(sources, axis=1) > 0).sum(axis=1)
    assert p_of(np.bincount(different)[1:], [20_000 / 16, 20_000 * 9 / 16, 20_000 * 6 / 16]) > P_THRESHOLD


def test_the_free_degree_of_a_fixed_one_is_binomial():
    into = Sparse.fixed_indegree(20, 1000, 2000, weights=1.0, seed=4)
    out = Sparse.fixed_outdegree(20, 2000, 1000, weights=1.0, seed=4)
    for degrees in (np.bincount(into.sources, minlength=1000), np.bincount(out.targets, minlength=1000)):
        assert p_of(*binomial_counts(degrees, 2000, 20 / 1000)) > P_THRESHOLD


@pytest.mark.parametrize("p", [0.004, 0.3, 0.9])
@pytest.mark.parametrize("rule", ["bernoulli", "distance"])
def test_pairs_are_independent_with_their_probability(rule, p):
    n = 1500
    f = lambda d: np.full(d.shape, p)  # noqa: E731
    how: dict[str, Any] = {"weights": 1.0, "seed": 9}
    made = Sparse.bernoulli(p, n, n, **how) if rule == "bernoulli" else Sparse.by_distance(f, n, n, **how)
    matrix = np.zeros((n, n), dtype=bool)
    matrix[made.sources, made.targets] = True
    assert matrix.sum() == made.n_synapses
    for axis in (0, 1):
        assert p_of(*binomial_counts(matrix.sum(axis=axis), n, p)) > P_THRESHOLD
    above = np.triu_indices(n, 1)
    neighbours = (matrix[:, ::2], matrix[:, 1::2]), (matrix[::2], matrix[1::2]), (matrix[above], matrix.T[above])
    for one, other in neighbours:  # disjoint, so that each pair counts once
        pattern = np.bincount((2 * one + other).ravel(), minlength=4)
        assert p_of(pattern, one.size * np.array([(1 - p) ** 2, p * (1 - p), p * (1 - p), p * p])) > P_THRESHOLD
    gaps = np.diff(made.targets)[np.diff(made.sources) == 0]
    short = int(min(5 / p, n / 50))  # long gaps are cut off by the border
    seen = np.bincount(gaps[gaps <= short], minlength=short + 1)[1:]
    room = n - np.arange(1, short + 1)  # pairs of places so far apart
    assert p_of(seen, seen.sum() * (w := room * (1 - p) ** np.arange(short)) / w.sum()) > P_THRESHOLD


def test_a_pair_is_connected_as_often_as_its_distance_says():
    f = eventsim.profiles.gaussian(0.8, sd=2.0)
    made = Sparse.by_distance(f, (30, 30), (30, 30), weights=1.0, seed=6)
    pre, post = np.divmod(np.arange(900), 30), np.divmod(np.arange(900), 30)
    squares = sum((a[:, None] - b[None, :]) ** 2 for a, b in zip(pre, post, strict=True))
    matrix = np.zeros((900, 900), dtype=bool)
    matrix[made.sources, made.targets] = True
    for square in np.unique(squares)[:20]:
        among = squares == square
        p = 0.8 * math.exp(-square / 8)
        hits = int(matrix[among].sum())
        assert p_of([hits, among.sum() - hits], [among.sum() * p, among.sum() * (1 - p)]) > P_THRESHOLD / 20
    assert abs(made.n_synapses - f(np.sqrt(squares)).sum()) < 4 * math.sqrt(made.n_synapses)


@pytest.mark.parametrize("seeds", [(0, 1), (1, 2), (0, 2**64 - 1)])
def test_two_seeds_have_as_many_pairs_in_common_as_chance_says(seeds):
    one, other = (Sparse.fixed_indegree(100, 1000, 1000, weights=1.0, seed=seed) for seed in seeds)
    common = len(set(pairs_of(one)) & set(pairs_of(other)))
    assert p_of([common, 100_000 - common], [10_000, 90_000]) > P_THRESHOLD


# -- refused -----------------------------------------------------------------------------------------------------------

ONE: dict[str, Any] = {"weights": 1.0, "seed": 0}
MADE: Any = Sparse  # whose arguments are wrong on purpose
REFUSED: dict[str, Any] = {
    "too many sources": (lambda: MADE.fixed_indegree(6, 5, 3, **ONE), r"n = 6 different partners of 5"),
    "too many without itself": (
        lambda: MADE.fixed_outdegree(5, 5, 5, **ONE, autapses=False), "of 4, itself left out; must be"
    ),
    "nobody": (
        lambda: MADE.fixed_indegree(1, 1, 1, **ONE, autapses=False, multapses=True), "partners of 0"
    ),
    "too many pairs": (lambda: MADE.fixed_total(16, 5, 3, **ONE), "16 synapses between 15 pairs"),
    "no memory": (lambda: MADE.fixed_indegree(10**6, 10**6, 10**6, **ONE), r"some 1e\+12 synapses; must"),
    "no memory by p": (lambda: MADE.bernoulli(0.5, 10**6, 10**6, **ONE), r"some 5e\+11 synapses; must"),
    "negative": (lambda: MADE.fixed_indegree(-1, 5, 3, **ONE), "n = -1; must be an integer >= 0"),
    "half": (lambda: MADE.fixed_total(1.5, 5, 3, **ONE), "n = 1.5; must be an integer"),
    "p": (lambda: MADE.bernoulli(1.5, 5, 3, **ONE), r"p = 1.5; must be at most 1"),
    "p nan": (lambda: MADE.bernoulli(math.nan, 5, 3, **ONE), "p = nan; must be >= 0"),
    "size": (lambda: MADE.bernoulli(0.5, 0, 3, **ONE), "pre = 0; must be an integer >= 1"),
    "too large": (lambda: MADE.bernoulli(0.5, 3, 2**31, **ONE), "post = 2147483648; must have 1 to"),
    "a name": (lambda: MADE.bernoulli(0.5, "E", 3, **ONE), "pre = 'E'; must be an integer .* returned"),
    "seed": (lambda: MADE.bernoulli(0.5, 3, 3, weights=1, seed=None), "seed = None; must be an integer in 0"),
    "autapses": (
        lambda: MADE.bernoulli(0.5, 3, 4, **ONE, autapses=False), "3 neurons to 4 neurons; must be one"
    ),
    "multapses": (
        lambda: MADE.fixed_total(1, 3, 4, **ONE, multapses="no"), "multapses = 'no'; must be True or"
    ),
    "weights": (lambda: MADE.bernoulli(0.5, 3, 3, weights=[1.0], seed=0), r"weights = \[1.0\]; must be one number"),
    "ragged weights": (lambda: MADE.bernoulli(0.5, 3, 3, weights=[[1], [1, 2]], seed=0), "weights = .*; must be"),
    "no weights": (lambda: MADE.bernoulli(0.5, 3, 3, weights=None, seed=0), "weights = None; must be a finite"),
    "delays": (lambda: MADE.bernoulli(1, 3, 3, **ONE, delays=-1.0), r"delays\[0\] = -1.0; must be >= 0"),
    "drawn delays": (
        lambda: MADE.bernoulli(1, 9, 9, weights=1, delays=eventsim.Normal(0.0, 1.0), seed=0), "delays.* must be >= 0"
    ),
    "no function": (lambda: MADE.by_distance(0.5, 3, 3, **ONE), "f = 0.5; must be a function of an array"),
    "no probability": (lambda: MADE.by_distance(lambda d: d, 3, 3, **ONE), r"f\(2\) = 2; must be a prob"),
    "no numbers": (lambda: MADE.by_distance(lambda d: d * math.nan, 3, 3, **ONE), r"f\(0\) = nan; must"),
    "one by one": (
        lambda: MADE.by_distance(lambda d: 1.0 if d < 2 else 0.0, 3, 3, **ONE), "cannot take an array of"
    ),
    "complex numbers": (
        lambda: MADE.by_distance(lambda d: 0.5 + 0j * d, 3, 3, **ONE), "what f makes has type complex128; must be real"
    ),
    "complex weights": (
        lambda: MADE.bernoulli(1, 3, 3, weights=lambda d: d * 1j, seed=0), "what weights makes has type complex128"
    ),
    "dates": (
        lambda: MADE.bernoulli(1, 3, 3, **ONE, delays=lambda d: d.astype("m8[ms]")), "what delays makes has type timed"
    ),
    "nothing": (lambda: MADE.bernoulli(1, 3, 3, weights=lambda d: None, seed=0), "what weights makes = None; must"),
    "another shape": (lambda: MADE.by_distance(lambda d: d[:1], 3, 3, **ONE), r"shape \(1, 3\) of dist"),
    "space": (lambda: MADE.by_distance(np.ones_like, 3, 3, **ONE, space=1.0), "space = 1.0; must be a Sp"),
    "grids": (lambda: MADE.by_distance(np.ones_like, 3, 4, **ONE), r"\(3,\) and \(4,\) without an extent"),
    "axes": (lambda: MADE.by_distance(np.ones_like, (2, 2), 4, **ONE), r"have different axes; must lie"),
    "extent": (lambda: eventsim.Space(extent=0.0), "extent = 0.0; must be a length > 0"),
    "extents": (
        lambda: MADE.by_distance(np.ones_like, 3, 3, **ONE, space=eventsim.Space(extent=(1, 2, 3))),
        "extent has 3 lengths for 1 axes; must be one",
    ),
    "positions": (
        lambda: MADE.by_distance(np.ones_like, 3, 3, **ONE, space=eventsim.Space(positions=[[1.0], [2.0]])),
        "2 positions for pre of 3 neurons; must be one each",
    ),
    "no positions": (lambda: eventsim.Space(positions=[1.0, 2.0]), r"must be arrays \(n, d\)"),
    "other coordinates": (lambda: eventsim.Space(positions=([[1.0]], [[1.0, 2.0]])), r"shapes \(1, 1\), \(1, 2\); "),
    "endless": (lambda: eventsim.Space(positions=[[1.0]], periodic=True), "extent = None, and positions are periodic"),
    "beyond": (
        lambda: MADE.by_distance(
            np.ones_like, 2, 2, **ONE,
            space=eventsim.Space(extent=1.0, positions=[[0.0], [1.5]], periodic=True),
        ),
        "positions span 1.5 along an axis of extent 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_rule_cannot_do_is_refused_in_words(what):
    make, message = REFUSED[what]
    with pytest.raises(NetworkError, match=message):
        make()


def test_synapses_for_other_sizes_are_refused_where_they_connect():
    net = eventsim.Network()
    for name, size in (("a", 10), ("b", 20)):
        net.population("linear_psp", size, name=name, threshold=1.0)
    with pytest.raises(NetworkError, match=r"b -> a: Sparse is for \(n_out, n_in\) = \(20, 10\); must be \(10, 20\)"):
        net.connect("b", "a", Sparse.bernoulli(0.1, net.node("a"), net.node("b"), weights=1.0, seed=0))
