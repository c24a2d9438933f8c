"""Distributions of weights and delays: what they draw, their limits, functions of distance, and where neurons are.

Kolmogorov-Smirnov tests against the closed forms of SciPy, at a fixed seed; a probability below P_THRESHOLD fails.
"""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import Exponential, Lognormal, Normal, Space, Sparse, Uniform, profiles
from eventsim.errors import NetworkError

stats = pytest.importorskip("scipy.stats")
P_THRESHOLD = 1e-3
N = 300


def drawn(distribution, seed=1, name="weights"):
    given: dict[str, Any] = {"weights": 1.0} | {name: distribution}
    return getattr(Sparse.bernoulli(1.0, N, N, seed=seed, **given), name)


FORMS: dict[str, Any] = {
    "normal": (Normal(1.0, 2.0), stats.norm(1.0, 2.0)),
    "uniform": (Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    "lognormal": (Lognormal(0.5, 0.75), stats.lognorm(0.75, scale=math.exp(0.5))),
    "exponential": (Exponential(2.5), stats.expon(scale=2.5)),
    "truncated": (Normal(1.0, 2.0, low=0.0, high=1.5, outside="redraw"), stats.truncnorm(-0.5, 0.25, 1.0, 2.0)),
    "from below": (Exponential(2.0, low=1.0, outside="redraw"), stats.expon(1.0, 2.0)),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_drawn_has_the_distribution(form):
    distribution, exact = FORMS[form]
    weights = drawn(distribution)
    assert stats.kstest(weights, exact.cdf).pvalue > P_THRESHOLD
    mean, variance = exact.stats("mv")
    assert abs(weights.mean() - mean) < 4 * math.sqrt(variance / weights.size)
    fourth = float(exact.expect(lambda x: (x - mean) ** 4))
    assert abs(weights.var() - variance) < 4 * math.sqrt((fourth - variance**2) / weights.size)


@pytest.mark.parametrize("form", ["normal", "uniform", "lognormal", "exponential"])
def test_the_share_below_a_number_is_that_of_the_closed_form(form):
    distribution, exact = FORMS[form]
    for x in (-2.0, -1.0, 0.0, 0.3, 1.0, 2.9, 7.0):
        assert distribution.share_below(x) == pytest.approx(exact.cdf(x), abs=1e-14)


def test_weights_of_neighbours_and_delays_are_independent():
    weights, more = (drawn(Normal(0.0, 1.0)), drawn(Normal(0.0, 1.0), seed=2))
    made = Sparse.bernoulli(1.0, N, N, weights=Normal(0.0, 1.0), delays=Uniform(0.0, 1.0), seed=1)
    for one, other in ((weights[1:], weights[:-1]), (weights, more), (made.weights, made.delays)):
        assert abs(stats.pearsonr(one, other).statistic) < 4 / math.sqrt(weights.size)


def test_a_limit_is_where_values_beyond_it_are_set_to_or_where_none_is_beyond():
    plain = drawn(Normal(1.0, 2.0))
    clipped, redrawn = (drawn(Normal(1.0, 2.0, low=0.0, high=3.0, outside=how)) for how in ("clip", "redraw"))
    assert clipped.tolist() == np.clip(plain, 0.0, 3.0).tolist()
    within = (plain >= 0.0) & (plain <= 3.0)
    assert redrawn[within].tolist() == plain[within].tolist()
    assert redrawn.min() > 0.0
    assert redrawn.max() < 3.0


def test_one_number_is_for_all_a_fraction_too():
    made = Sparse.bernoulli(0.5, 10, 10, weights=Fraction(1, 3), delays=Fraction(1, 7), seed=1)
    assert set(made.weights) == {Fraction(1, 3)}
    assert set(made.delays) == {Fraction(1, 7)}


def test_functions_of_distance_make_weights_and_delays():
    how: dict[str, Any] = {"weights": profiles.exponential(2.0, length=3.0), "delays": lambda d: 0.5 + d / 4, "seed": 0}
    made = Sparse.fixed_indegree(4, (5, 6), (5, 6), **how)
    (y, x), (v, u) = np.divmod(made.sources, 6), np.divmod(made.targets, 6)
    distances = np.hypot(x - u, y - v)
    np.testing.assert_allclose(made.weights, 2.0 * np.exp(-distances / 3.0), rtol=1e-15)
    np.testing.assert_allclose(made.delays, 0.5 + distances / 4, rtol=1e-15)


def test_profiles_are_their_formulas():
    d = np.linspace(0.0, 5.0, 11)
    np.testing.assert_allclose(profiles.gaussian(0.5, 2.0)(d), 0.5 * np.exp(-(d**2) / 8), rtol=1e-15)
    np.testing.assert_allclose(profiles.exponential(0.5, 2.0)(d), 0.5 * np.exp(-d / 2), rtol=1e-15)
    assert profiles.linear(1.0, 0.25)(d).tolist() == (1.0 + 0.25 * d).tolist()


def distances(pre, post, space):
    made = Sparse.bernoulli(1.0, pre, post, weights=lambda d: d, seed=0, space=space)
    sizes = math.prod(np.atleast_1d(pre)), math.prod(np.atleast_1d(post))
    return made.weights.reshape(sizes)


def by_hand(pre, post, lengths=None):
    """Distances between two lists of points, the shortest of all images where space repeats."""
    shifts = list(itertools.product(*[(-n, 0.0, n) for n in lengths])) if lengths else [(0.0,) * len(pre[0])]
    return [[min(math.dist(a, [x + s for x, s in zip(b, shift, strict=True)]) for shift in shifts) for b in post]
            for a in pre]  # fmt: skip


def test_a_grid_has_its_neurons_in_the_middle_of_its_cells():
    fine = [((i + 0.5) * 3 / 6, (j + 0.5) * 2 / 4) for i in range(6) for j in range(4)]
    coarse = [((i + 0.5) * 3 / 2, (j + 0.5) * 2 / 1) for i in range(2) for j in range(1)]
    for periodic in (False, True):
        found = distances((6, 4), (2, 1), Space(extent=(3.0, 2.0), periodic=periodic))
        np.testing.assert_allclose(found, by_hand(fine, coarse, (3.0, 2.0) if periodic else None), rtol=1e-14)
    line = distances(4, 4, None)
    assert line.tolist() == [[abs(i - j) for j in range(4)] for i in range(4)]
    assert distances(4, 4, Space(periodic=True))[0].tolist() == [0.0, 1.0, 2.0, 1.0]


def test_positions_are_taken_as_they_are():
    random = np.random.default_rng(3)
    pre, post = random.random((7, 3)), random.random((5, 3))
    np.testing.assert_allclose(distances(7, 5, Space(positions=(pre, post))), by_hand(pre, post), rtol=1e-14)
    found = distances(7, 5, Space(extent=1.0, periodic=True, positions=(pre - 0.5, post - 0.5)))
    np.testing.assert_allclose(found, by_hand(pre, post, (1.0,) * 3), rtol=1e-13)
    assert (np.diag(distances(7, 7, Space(positions=pre))) == 0).all()


REFUSED: dict[str, Any] = {
    "no way": (lambda: Normal(1.0, 0.5, low=0.0), "outside = None; must be one of redraw, clip where there is a limit"),
    "unlikely": (lambda: Normal(0.0, 1.0, low=5.0, outside="redraw"), r"2.9e-07 lie in \[5, inf\]; must be 0.01 at"),
    "empty": (
        lambda: Exponential(1.0, low=2.0, high=1.0, outside="clip"),
        "low must be below high. Give them the other way",
    ),
    "reversed": (lambda: Uniform(2.0, 1.0), "low = 2, high = 1; low must be below high. Give them the other way"),
    "too wide": (lambda: Uniform(-1e308, 1e308), r"low = -1e\+308, high = 1e\+308; must lie nearer to each other"),
    "no width": (lambda: Normal(1.0, 0.0), "sd = 0.0; must be > 0, a finite number. For one value, give the number"),
    "no spread": (lambda: Lognormal(1.0, -1.0), "sigma = -1.0; must be > 0"),
    "no mean": (lambda: Exponential(0.0), "mean = 0.0; must be > 0"),
    "no number": (lambda: Normal("a", 1.0), "mean = 'a'; must be a finite number"),
    "nan": (lambda: Normal(0.0, 1.0, low=math.nan, outside="clip"), "low = nan; must be a number"),
    "no length": (lambda: profiles.gaussian(1.0, sd=0.0), "profiles.gaussian: sd = 0.0; must be > 0"),
    "heavy": (lambda: Sparse.bernoulli(1.0, 3, 3, weights=Lognormal(600.0, 1.0), seed=0), "must lie between -1e"),
    "endless": (lambda: Sparse.bernoulli(1.0, 3, 3, weights=Lognormal(800.0, 1.0), seed=0), "= inf; must be finite"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_distribution_is_refused_in_words(what):
    make, message = REFUSED[what]
    with pytest.raises(NetworkError, match=message):
        make()


def test_a_network_by_rules_is_the_same_again_and_runs():
    def network():
        net = eventsim.Network()
        noise = net.source(20, name="noise", generator=eventsim.Regular(1.7, start=np.linspace(0.1, 1.5, 20)))
        cells = net.population("linear_psp", 20, name="cells", threshold=1.0)
        net.connect(noise, cells, eventsim.OneToOne(0.8))
        delays = Normal(1.0, 0.5, low=0.25, outside="redraw")
        net.connect(
            cells, cells, Sparse.fixed_indegree(5, cells, cells, weights=Normal(0.1, 0.2), delays=delays, seed=1)
        )
        return net

    assert network().hash() == network().hash()
    run = eventsim.simulate(network(), until=5.0, engine="reference")
    assert run.n_spikes("cells") == 20
