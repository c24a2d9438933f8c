"""Published trainers of spike times: what the page says of them is what they do, and each rule turns as it says."""

import math
import re
from pathlib import Path

import pytest
import trainers_networks
import trainers_peer
import trainers_rules
from trainers_peer import VARIANTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "trainers.md"
CASES = trainers_networks.cases()


def rows(n_names: int) -> dict[tuple[str, ...], list[str]]:
    """The numbers of the page's tables whose rows begin with so many names."""
    text = PAGE.read_text(encoding="utf-8")
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    width = n_names + (7 if n_names == 3 else 5)
    return {tuple(line[:n_names]): line[n_names:] for line in lines if len(line) == width and line[-1][0].isdigit()}


def same(written: list[str], made: list[str], n_counts: int) -> None:
    """Counts are equal; distances, of which rounding is part, within a factor of three or below 1e-12."""
    assert written[:n_counts] == made[:n_counts]
    for a, b in zip(map(float, written[-2:]), map(float, made[-2:]), strict=True):
        assert a == b or max(a, b) < 1e-12 or max(a, b) < 3 * min(a, b)


# -- without them -----------------------------------------------------------------------------------------------------


def test_the_page_names_networks_and_trainers_that_there_are() -> None:
    known = {(variant.trainer, variant.setting) for variant in VARIANTS}
    written = rows(3)
    assert written
    assert {case for case, *_ in written} <= set(CASES)
    assert {(trainer, setting) for _, trainer, setting in written} <= known


def test_the_page_states_the_versions_that_are_pinned() -> None:
    pinned = (PAGE.parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    for name in ("exact-snn-nn", "exact-event-adjoint", "jaxsnn", "eventax"):
        (version,) = re.findall(rf'"{name}==([\d.]+)"', pinned)
        assert f"{name} {version}" in text


# -- with them --------------------------------------------------------------------------------------------------------


@pytest.mark.trainers
@pytest.mark.parametrize(("case", "trainer", "setting"), sorted(rows(3)))
def test_a_row_of_the_page_is_what_the_trainer_does(case: str, trainer: str, setting: str) -> None:
    (variant,) = [one for one in VARIANTS if (one.trainer, one.setting) == (trainer, setting)]
    pytest.importorskip(variant.module)
    made = trainers_peer.judged(variant, CASES[case])
    same(rows(3)[case, trainer, setting], [cell.strip() for cell in made.text.split("|")], 3)


EXPERIMENTS = {
    "exact_snn": trainers_rules.of_exact_snn, "exact_event_adjoint": trainers_rules.of_adjoint,
    "jaxsnn": trainers_rules.of_jaxsnn, "eventax": trainers_rules.of_eventax,
}  # fmt: skip


@pytest.mark.trainers
@pytest.mark.parametrize("module", EXPERIMENTS)
def test_a_rule_that_is_turned_does_what_the_page_says(module: str) -> None:
    pytest.importorskip(module)
    written = rows(2)
    for line in EXPERIMENTS[module]():
        rule, setting, *numbers = [cell.strip() for cell in line.strip("|").split("|")]
        same(written[rule, setting], numbers, 3)


@pytest.mark.trainers
@pytest.mark.parametrize("taus", [(10.0, 5.0), (15.0, 4.0), (15.0, 5.0), (30.0, 5.0)])
def test_jaxsnn_takes_every_ratio_above_two_for_two(taus: tuple[float, float]) -> None:
    pytest.importorskip("jaxsnn")
    weight = 8.0
    of_two = taus[0] * math.log(2 * weight / (weight + math.sqrt(weight**2 - 4 * weight)))
    assert trainers_rules.solver_of_jaxsnn(*taus, weight) == pytest.approx(of_two, rel=1e-12)


@pytest.mark.trainers
@pytest.mark.parametrize("above", [1e-8, 1e-9, 1e-10])
def test_jaxsnn_has_a_thousandth_for_a_smaller_root(above: float) -> None:
    pytest.importorskip("jaxsnn")
    weight = 4.0 * (1.0 + above)  # the peak of its response is above the threshold by this part
    epsilon = 10.0 * math.log(2 * weight / (weight + 1e-3))
    assert trainers_rules.solver_of_jaxsnn(10.0, 5.0, weight) == pytest.approx(epsilon, rel=1e-12)
    true = 10.0 * math.log(2 * weight / (weight + math.sqrt(weight**2 - 4 * weight)))
    assert true - epsilon > 1e-3
