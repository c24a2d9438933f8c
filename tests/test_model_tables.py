"""What a model computes and takes, from its own table: for `print`, notebooks, `help`, `eventsim info` and the docs."""

import json
import math
import sys
from typing import Any

import pytest

from eventsim import ModelError, Network, Parameter, cli
from eventsim.models import neurons
from eventsim.network.neuron_model import Model, installed_models

MODELS = [getattr(neurons, name) for name in neurons.__all__]
UNITS = ("V", "time", "V/time", "1/V", "1", "choice")
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def test_all_built_in_models_are_tested_here() -> None:
    built_in = [one for one in installed_models() if one.prepare.__module__.startswith("eventsim.models.neurons.")]
    assert {one.name for one in MODELS} == {one.name for one in built_in}


@every_model
def test_a_model_has_equations_and_a_source_and_each_parameter_a_unit_and_a_meaning(model: Model) -> None:
    assert model.equation
    assert all(0 < len(line) <= 110 for line in model.equation.splitlines())
    assert model.source
    for parameter in model.parameters:
        assert parameter.unit in UNITS
        assert len(parameter.meaning) > 3
        assert (parameter.unit == "choice") == bool(parameter.choices)


@every_model
def test_the_equations_and_the_dynamics_name_the_same_parameters(model: Model) -> None:
    """A parameter of which the equations say nothing is one of these."""
    unsaid = {"spikes", "v_init", "i_init", "reset", "comparator", "resets", "leaks", "sees", "r", "decay"}
    words = set("".join(c if c.isalnum() or c == "_" else " " for c in model.equation).split())
    assert {one.name for one in model.parameters} - words <= unsaid


@every_model
def test_the_table_has_a_row_for_each_parameter(model: Model) -> None:
    rows = list(model.table())
    assert [row["parameter"] for row in rows] == [one.name for one in model.parameters]
    for row, one in zip(rows, model.parameters, strict=True):
        assert (row["unit"], row["default"], row["allowed"]) == (one.unit, one.default, one.allowed)
    text = str(model)
    assert model.equation.splitlines()[0] in text
    assert f"source: {model.source}" in text
    assert ("window=(t_start, t_min" in text) == model.windowed
    assert model._repr_html_() == model.table()._repr_html_()


@every_model
def test_help_of_the_module_ends_with_the_table(model: Model) -> None:
    assert str(model.table()) in (sys.modules[model.prepare.__module__].__doc__ or "")


@every_model
def test_defaults_are_allowed_and_limits_are_those_that_are_refused(model: Model) -> None:
    for one in model.parameters:
        for value in (math.nextafter(one.low, -math.inf), math.nextafter(one.high, math.inf)):
            if one.choices or not math.isfinite(value):
                continue
            given: dict[str, Any] = {p.name: 1.0 for p in model.parameters if p.default is None} | {one.name: value}
            with pytest.raises(ModelError, match=f"{one.name}.*must be "):
                Network().population(model, 1, "cell", window=(0.0, 1.0, 2.0) if model.windowed else None, **given)


def test_what_is_allowed_is_said_in_words() -> None:
    assert Parameter("a", "1", "a number").allowed == "a finite number"
    assert Parameter("a", "1", "a number", low=0.0, open_low=True).allowed == "> 0 and finite"
    assert Parameter("a", "1", "a number", low=0.0, high=1.0).allowed == ">= 0 and <= 1"
    assert Parameter("a", "choice", "a word", choices=("hard", "soft")).allowed == "hard or soft"


# -- eventsim info ----------------------------------------------------------------------------------------------------


def info(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["info", *words])
    out, err = capsys.readouterr()
    return code, out, err


@every_model
def test_info_prints_the_table_of_a_model(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert info(capsys, model.name) == (0, f"{model}\n", "")
    said = json.loads(info(capsys, model.name, "--json")[1])
    assert (said["model"], "\n".join(said["equation"]), said["source"]) == (model.name, model.equation, model.source)
    for entry, one in zip(said["parameters"], model.parameters, strict=True):
        assert (entry["name"], entry["unit"], entry["meaning"]) == (one.name, one.unit, one.meaning)
        assert (entry["default"], entry["allowed"]) == (one.default, one.allowed)


@pytest.mark.parametrize(
    ("word", "hint"), [("lif_exq", "did you mean 'lif_exp'?"), ("iaf_psc_exp", "did you mean 'lif_exp'?"), ("qqq", "")]
)
def test_a_name_that_is_no_model_is_answered_with_the_nearest(
    word: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = info(capsys, word)
    assert (code, out) == (2, "")
    assert f"info: {word!r} is no neuron model, no fault, no chip and no file" in err
    assert hint in err
    assert "models are alpha_psp, " in err


def test_a_file_that_is_called_like_a_model_is_given_as_a_path(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lif_exp").write_bytes(b"no archive")
    assert info(capsys, "lif_exp")[0] == 0
    code, _, err = info(capsys, "./lif_exp")
    assert code == 2
    assert "lif_exp" in err
