"""Published trainers of spike times: what the page says of them is what they do, and each rule turns as it says."""

import re
from collections.abc import Iterator
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
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
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


def experiments() -> Iterator[pytest.param]:  # type: ignore[valid-type]
    for module, made in (
        ("exact_snn", trainers_rules.of_exact_snn), ("exact_event_adjoint", trainers_rules.of_adjoint),
        ("jaxsnn", trainers_rules.of_jaxsnn), ("eventax", trainers_rules.of_eventax),
    ):  # fmt: skip
        yield pytest.param(module, made, id=module)


@pytest.mark.trainers
@pytest.mark.parametrize(("module", "made"), experiments())
def test_a_rule_that_is_turned_does_what_the_page_says(module: str, made) -> None:
    pytest.importorskip(module)
    written = rows(2)
    for line in made():
        rule, setting, *numbers = [cell.strip() for cell in line.strip("|").split("|")]
        if (rule, setting) in written:
            same(written[rule, setting], numbers, 3)
