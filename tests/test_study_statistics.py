"""Intervals, tests and bands against their definitions, in exact rationals, and against SciPy."""

# mypy: disable-error-code="index, union-attr"

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from small_studies import study

from eventsim import InputError
from eventsim.study import band, mcnemar, wilson
from eventsim.study.statistics import wilson_of_share


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (10, 10), (98, 100), (5_000, 10_000)])
def test_wilson_ends_are_where_the_score_is_the_quantile(k, n, confidence):
    """|k/n - p| = z sqrt(p (1 - p) / n) at both ends that are not 0 or 1: the definition, solved for."""
    low, high = wilson(k, n, confidence)
    z = stats.norm.ppf((1 + confidence) / 2)
    for p in (low, high):
        if 0 < p < 1:
            assert abs(k / n - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n), rel=1e-9)
    assert low <= k / n <= high
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert wilson_of_share(k / n, n, confidence) == (low, high)


def test_mcnemar_is_the_binomial_test_exactly():
    for n in range(40):
        for a in range(n + 1):
            tail = sum(math.comb(n, k) for k in range(min(a, n - a) + 1))
            exact = min(Fraction(1), Fraction(2 * tail, 2**n))
            assert mcnemar(a, n - a) == float(exact)
            if n:
                assert mcnemar(a, n - a) == pytest.approx(stats.binomtest(a, n).pvalue, rel=1e-12)


def test_mcnemar_of_many_samples_needs_no_large_floats():
    assert mcnemar(5_000, 5_000) == 1.0
    assert mcnemar(2_000, 2_300) == pytest.approx(stats.binomtest(2_000, 4_300).pvalue, rel=1e-9)
    assert mcnemar(0, 2_000) == 0.0  # 2^-1999, which float64 does not hold


def test_a_band_is_mean_deviation_and_ends():
    values = np.random.default_rng(1).normal(size=16)
    found = band(values.tolist())
    assert (found.n, found.low, found.high) == (16, values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.deviation == pytest.approx(values.std(ddof=1), rel=1e-12)
    assert found.error == pytest.approx(stats.sem(values), rel=1e-12)
    assert band([0.1] * 3) == band([0.1]).__class__(3, 0.1, 0.0, 0.1, 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson(1, 0), "n = 0"),
        (lambda: wilson(3, 2), "successes = 3"),
        (lambda: wilson(1, 2, 1.5), "confidence = 1.5"),
        (lambda: mcnemar(-1, 0), "only_a = -1"),
        (lambda: band([]), "one at least"),
    ],
)
def test_what_has_no_statistics_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_points_are_compared_sample_by_sample():
    results = study({"jitter.sigma": [0.0, 2.0]}, seeds=[4]).run(jobs=1)
    labels = results.labels
    quiet, noisy = (entry.decisions for entry in results.entries)
    only_a = int(((quiet == labels) & (noisy != labels)).sum())
    only_b = int(((quiet != labels) & (noisy == labels)).sum())
    assert only_a + only_b > 0
    assert results.compare({"jitter.sigma": 0.0}, {"jitter.sigma": 2.0}) == mcnemar(only_a, only_b)
    assert results.compare(1, 2) == mcnemar(only_a, only_b)
    row = list(results.table())[1]
    assert row["p"] == mcnemar(row["r→w"], row["w→r"])
    assert (row["low"], row["high"]) == wilson(results.entries[1].result["correct"], 12)
    with pytest.raises(InputError, match="0 points; must be one of 2"):
        results.compare(1, 3)


def test_a_summary_has_a_row_for_each_setting():
    results = study({"jitter.sigma": [0.0, 0.5]}, seeds=4).run(jobs=1)
    rows = list(results.summary())
    values = [entry.result["accuracy"] for entry in results.entries[4:]]
    assert rows[1]["accuracy"] == pytest.approx(np.mean(values))
    assert (rows[1]["lowest"], rows[1]["highest"], rows[1]["seeds"]) == (min(values), max(values), 4)
    assert (rows[1]["low"], rows[1]["high"]) == wilson_of_share(rows[1]["accuracy"], 12)
    with pytest.raises(InputError, match="did you mean 'premature'"):
        results.summary("prematur")
    assert len(results.layers()) == 8 * 3
