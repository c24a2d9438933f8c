"""The tables of faults: on the page of the documentation, on the terminal, and complete."""

from pathlib import Path

import pytest

from eventsim.cli import main
from eventsim.faults import reference
from eventsim.faults.contract import Fault
from eventsim.faults.presets import PRESETS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "faults.md"
every_fault = pytest.mark.parametrize("kind", reference.shipped(), ids=lambda kind: kind.name)


def test_the_page_of_faults_is_that_of_the_faults_there_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.page()


@every_fault
def test_a_fault_says_what_it_does_and_takes_and_where_that_is_from(kind: type[Fault]) -> None:
    assert kind.place in reference.PLACES
    assert kind.equation
    assert all(len(line) <= 110 for line in kind.equation.splitlines())
    assert kind.source
    assert len(reference.first_line(kind)) <= 160
    meanings = reference.parameters(kind)
    assert set(meanings) == set(reference.defaults(kind))
    assert all(len(meaning) > 10 for meaning in meanings.values())


def test_no_preset_has_the_name_of_a_fault() -> None:
    assert not {kind.name for kind in reference.shipped()} & {*PRESETS}


@every_fault
def test_the_command_line_shows_each_fault(kind: type[Fault], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", kind.name]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in reference.defaults(kind))
    assert kind.source in shown
    assert main(["info", "faults"]) == 0
    assert kind.__name__ in capsys.readouterr().out
