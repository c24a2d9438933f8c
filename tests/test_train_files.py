"""A training takes the place of no file that it reads, says so before the work, and writes plans that can be read."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim.cli import main
from eventsim.errors import InputError
from eventsim.models.train import Plan, carry_out, read_plan, write_plan
from eventsim.network.network_file import load_network

SMALL: dict[str, Any] = {"architecture": "4-3", "epochs": 1, "judge": "none"}


def data_at(path: Path) -> Path:
    draws = np.random.default_rng(0)
    np.savez(path, x=draws.random((20, 6)), y=np.arange(20) % 3)
    return path


def test_data_in_the_folder_of_a_training_stay_what_they_are(tmp_path: Path) -> None:
    data = data_at(tmp_path / "relu.npz")
    before = data.read_bytes()
    for given in (str(data), {"source": str(data)}):
        with pytest.raises(InputError, match=r"relu\.npz: this is the file of the data.*Give another folder"):
            carry_out(Plan(given, **SMALL), tmp_path)
    assert data.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["relu.npz"]


def test_a_plan_that_is_read_is_not_written_over(tmp_path: Path, capsys: Any) -> None:
    data_at(tmp_path / "d.npz")
    plan = tmp_path / "plan.toml"
    plan.write_text('# mine\ndata = "d.npz"\narchitecture = "4-3"\nepochs = 1\njudge = "none"\n')
    assert main(["train", str(plan), "--out", str(tmp_path)]) == 2
    assert "this is a file that the command reads" in capsys.readouterr().err
    assert plan.read_text().startswith("# mine")


@pytest.mark.parametrize("name", ["log.csv", "relu.npz", "spiking.npz", "curves.png"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(name: str, tmp_path: Path, capsys: Any) -> None:
    data = data_at(tmp_path / "d.npz")
    (tmp_path / "out" / name).mkdir(parents=True)
    words = ["train", "--data", str(data), "--architecture", "4-3", "--judge", "none", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert f"{name}: this is a folder" in capsys.readouterr().err
    assert [one.name for one in (tmp_path / "out").iterdir()] == [name]


@pytest.mark.parametrize("slope", ["b0.5", "b2"])
def test_neurons_of_any_slope_are_trained_to_a_spiking_network(slope: str, tmp_path: Path) -> None:
    outcome = carry_out(Plan(str(data_at(tmp_path / "d.npz")), slope=slope, **SMALL), tmp_path / "out")
    assert outcome.folder is not None
    assert load_network(outcome.folder.spiking).hash() == outcome.spiking.hash()
    with pytest.raises(InputError, match=r"spiking = 'calibrated' with slope = 'b0.5'; must be 'trained'"):
        Plan("digits", slope="b0.5", spiking="calibrated", **SMALL)


def test_a_plan_holds_any_path_that_is_text(tmp_path: Path) -> None:
    odd = data_at(tmp_path / 'ünï "\x7f\t\\.npz')
    write_plan(Plan(str(odd), **SMALL), tmp_path / "plan.toml")
    assert read_plan(tmp_path / "plan.toml").data == str(odd)
    before = (tmp_path / "plan.toml").read_bytes()
    with pytest.raises(InputError, match="is no text in UTF-8; must be, to be written in a plan"):
        write_plan(Plan(os.fsdecode(b"bad\xff.npz"), **SMALL), tmp_path / "plan.toml")
    assert (tmp_path / "plan.toml").read_bytes() == before
