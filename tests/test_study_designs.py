"""Grids, lists, draws, bisections: which points there are, and what a bisection finds."""

# mypy: disable-error-code="arg-type, dict-item"

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from small_studies import study, told

from eventsim import InputError
from eventsim.study import Bisection, Grid, Points, Random
from eventsim.study.design import as_design, seeds_of, spaced
from eventsim.study.point import Point
from eventsim.study.statistics import wilson_of_share


def test_a_grid_has_every_combination_the_last_knob_fastest():
    grid = Grid({"a": [1, 2], "b": ["x", None]})
    assert grid.settings() == [{"a": 1, "b": "x"}, {"a": 1, "b": None}, {"a": 2, "b": "x"}, {"a": 2, "b": None}]


def test_seeds_are_the_fastest_of_all_and_points_are_known_by_their_content():
    points = study({"jitter.sigma": [0.1, 0.2]}, seeds=[7, 3]).points()
    assert [(p.settings["jitter.sigma"], p.seed) for p in points] == [(0.1, 7), (0.1, 3), (0.2, 7), (0.2, 3)]
    assert len({p.hash() for p in points}) == 4
    assert Point((("a", 1), ("b", 2)), 0).hash() == Point((("b", 2), ("a", 1)), 0).hash()


def test_equal_numbers_are_one_value_of_a_knob():
    for values in ((0, 0.0, -0.0), (1, 1.0, np.float32(1), Fraction(1)), (0.5, np.float32(0.5), Fraction(1, 2))):
        assert len({Point((("a", value),), 0).hash() for value in values}) == 1
        assert len({study({"jitter.sigma": [value]}).hash() for value in values}) == 1
        with pytest.raises(InputError, match="there twice"):
            Grid({"a": values})
    assert Point((("a", 1),), 0).hash() != Point((("a", True),), 0).hash()
    assert Point((("a", 2.0**60),), 0).hash() != Point((("a", 2**60 + 1),), 0).hash()


def test_draws_are_the_same_in_every_run_and_the_first_stay_where_more_are_drawn():
    ranges = {"a": (0.0, 1.0), "b": (1e-4, 1.0, "log"), "c": (1, 6)}
    few, many = Random(ranges, 10, seed=4).settings(), Random(ranges, 200, seed=4).settings()
    assert many[:10] == few
    assert Random(ranges, 10, seed=5).settings() != few


def test_draws_have_the_moments_of_their_ranges():
    """10,000 draws, four standard errors."""
    n = 10_000
    drawn = Random({"a": (2.0, 4.0), "b": (1e-4, 1.0, "log"), "c": (1, 6), "d": (1, 100, "log")}, n).settings()
    a, b, c = (np.array([one[name] for one in drawn]) for name in "abc")
    assert abs(a.mean() - 3) < 4 * 2 / math.sqrt(12 * len(drawn))
    assert abs(np.log(b).mean() - math.log(1e-2)) < 4 * math.log(1e4) / math.sqrt(12 * len(drawn))
    for value in range(1, 7):
        assert abs((c == value).mean() - 1 / 6) < 4 * math.sqrt(5 / 36 / len(drawn))
    assert {one["d"] for one in drawn} <= set(range(1, 101))
    assert {one["c"] for one in drawn} == set(range(1, 7))


def test_values_are_spaced():
    assert spaced("grid", "a", 0, 1, 5) == [0, 0.25, 0.5, 0.75, 1]
    assert spaced("grid", "a", 1, 100, 3, "log") == pytest.approx([1, 10, 100])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Random({}, 3), "must be a range by the name of each knob"),
        (lambda: Random({"a": (1.0, 0.0)}, 3), "must be > 1"),
        (lambda: Random({"a": (0.0, 1.0, "log")}, 3), "on a log scale; must be > 0"),
        (lambda: Random({"a": (0.0, math.inf)}, 3), "a finite number"),
        (lambda: Random({"a": (0.0, 1.0)}, 0), "n = 0"),
        (lambda: Random({"a": 5}, 1), "must be a range"),
        (lambda: Points([]), "one at least"),
        (lambda: Points([{"a": 1}, {"a": 1}]), "there twice"),
        (lambda: as_design(5), "must be a Grid, Points, Random or Bisection"),
        (lambda: seeds_of("ab"), "a number of seeds"),
        (lambda: seeds_of([-1]), r"seeds\[0\] = -1"),
        (lambda: Bisection("a", 0.0, 1.0), "keep or at_least"),
        (lambda: Bisection("a", 0.0, 1.0, keep=0.9, at_least=0.5), "keep or at_least"),
        (lambda: Bisection("a", 1.0, 0.0, keep=0.9), "must be > 1"),
        (lambda: Bisection("a", 0.0, 1.0, keep=0.9, of="spikes"), "known of accuracy and agreement"),
        (lambda: Bisection("a", 0.0, 1.0, at_least=0.9, of="acuracy"), "did you mean 'accuracy'"),
        (lambda: Bisection("a", 0.0, 1.0, keep=99), "keep = 99; must be > 0, <= 1"),
        (lambda: study(Bisection("jitter.sigma", 0.0, 1.0, keep=0.9), labels=None), "'accuracy' without labels"),
        (
            lambda: study(
                Bisection("until", 1.0, 3.0, keep=0.9, of="agreement"),
                network="small_studies:undecided",
                faults=(),
                labels=None,
            ),
            "nothing of the network decides",
        ),
        (lambda: Bisection("a", 0.0, 1.0, keep=0.9, find="any"), "largest, smallest"),
        (lambda: Bisection("a", 0.0, 1.0, keep=0.9, fixed={"a": 1}), "looked for and fixed"),
    ],
)
def test_what_is_no_design_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


# -- bisections --------------------------------------------------------------------------------------------------------


class Found:
    """Results of a made-up function of one knob, as a bisection looks at them."""

    def __init__(self, of: Any, settings: list[dict[str, Any]]) -> None:
        self.settings, self._of = settings, of

    @property
    def entries(self) -> list[Any]:
        return [entry for _, (entry,) in self.by_settings()]

    def by_settings(self) -> list[Any]:
        rows = []
        for one in self.settings:
            entry = type("Entry", (), {"error": None, "result": {"accuracy": self._of(one["k"]), "samples": 100}})()
            rows.append((one, [entry]))
        return rows


def search(design: Bisection, of: Any) -> tuple[Any, int]:
    """Run a bisection to its end on a function; return its border and how many values it took."""
    found = Found(of, design.settings())
    while following := design.more(found):
        assert len(found.settings) < 100
        found.settings += following
    return design.border(found), len(found.settings)


@pytest.mark.parametrize("border", [0.123, 0.5, 0.999])
@pytest.mark.parametrize("find", ["largest", "smallest"])
def test_a_bisection_finds_a_border_as_nearly_as_it_is_asked(border, find):
    def good(k: float) -> float:
        return float(k <= border if find == "largest" else k >= border)

    found, n = search(Bisection("k", 0.0, 1.0, at_least=0.5, find=find, within=1e-3), good)
    assert good(found.holds) == 1
    assert good(found.fails) == 0
    assert abs(found.holds - found.fails) <= 1e-3
    assert n <= 2 + 10
    assert found.monotone
    assert found.complete


def test_a_bisection_on_a_log_scale_asks_for_a_ratio():
    found, _ = search(Bisection("k", 1e-6, 1.0, at_least=0.5, scale="log", within=0.1), lambda k: float(k <= 3e-4))
    assert found.holds <= 3e-4 < found.fails <= 1.1 * found.holds


def test_a_bisection_of_integers_ends_at_neighbours():
    for border in range(1, 12):
        design = Bisection("k", 1, 12, at_least=0.5, find="smallest")
        found, _ = search(design, lambda k, border=border: float(k > border))
        assert (found.fails, found.holds) == (border, border + 1)
    for scale in ("log", "linear"):
        found, _ = search(Bisection("k", 1, 1000, at_least=0.5, scale=scale), lambda k: float(k <= 77))
        assert (found.holds, found.fails) == (77, 78)


def test_a_bisection_checks_its_ends():
    largest = {"at_least": 0.5, "find": "largest"}
    always, _ = search(Bisection("k", 0.0, 1.0, **largest), lambda _: 1.0)
    assert (always.holds, always.fails) == (1.0, None)
    smallest, _ = search(Bisection("k", 0.0, 1.0, at_least=0.5, find="smallest"), lambda _: 1.0)
    assert (smallest.holds, smallest.fails) == (0.0, None)
    never, _ = search(Bisection("k", 0.0, 1.0, **largest), lambda _: 0.0)
    assert (never.holds, "does not meet the target" in str(never)) == (None, True)
    turned, _ = search(Bisection("k", 0.0, 1.0, **largest), lambda k: float(k > 0.5))
    assert "is it the other direction?" in str(turned)


def test_a_bisection_says_where_its_values_are_not_monotone():
    """Up and down: at 0.5 it fails, at 0.25 it holds, at 0.375 it fails, at 0.3125 it holds; and 0 holds."""
    design = Bisection("k", 0.0, 1.0, at_least=0.5, within=0.01)
    found = Found(lambda k: float(k in (0.0, 0.75)), [{"k": k} for k in (0.0, 1.0, 0.5, 0.75)])
    border = design.border(found)
    assert not border.monotone
    assert "look at the whole range with a grid" in str(border)


def test_a_bisection_of_real_runs_goes_on_where_it_was_stopped(tmp_path):
    def one() -> Any:
        return study(Bisection("jitter.sigma", 0.0, 4.0, keep=0.9, within=0.25), seeds=2)

    results = one().run(tmp_path / "s.sqlite", jobs=1)
    border = results.border
    assert border.fails - border.holds <= 0.25
    again = one().run(tmp_path / "s.sqlite", resume=True, jobs=1)
    assert again.tally.computed == 0
    assert told(again) == told(results) == told(one().run(jobs=1))
    assert str(border) in border.table()
    for value, mean, low, high, least, _ in border.table().rows:
        assert (low, high) == wilson_of_share(mean, 12)
        assert low <= mean <= high
        assert least == pytest.approx(0.9 * 11 / 12)
        assert value in (settings["jitter.sigma"] for settings, _ in results.by_settings())
    means = {value: mean for value, mean, _ in border.tried}
    assert means[0.0] == pytest.approx(11 / 12)
    with pytest.raises(InputError, match="is no bisection"):
        _ = study().run(jobs=1).border
