"""Curves of a training: every epoch where it belongs, verdicts where there are some, and what is no figure refused."""

# mypy: disable-error-code="arg-type"

import math
from typing import Any

import pytest
from matplotlib.figure import Figure

from eventsim import InputError, viz
from eventsim.models.train import Epoch, Verdict


def epoch(number: int, early: int | None = None, held: float = math.nan) -> Epoch:
    verdict = None if early is None else Verdict(8, 1.0, {"dense1": early, "dense2": 0}, 0.2, {})
    return Epoch(number, 2.0 / number, 1 - 0.5 / number, held, 1e-3, 0.1, {"dense1": 3.0, "dense2": 4.0}, verdict)


def curve(ax: Any, gid: str) -> tuple[list[float], list[float]]:
    (found,) = (artist for artist in ax.findobj() if artist.get_gid() == gid)
    x, y = found.get_data()
    return list(x), list(y)


def test_each_epoch_has_its_loss_accuracies_and_premature_neurons() -> None:
    axes = viz.training_curves([epoch(2, 3, 0.7), epoch(3, 1, 0.8), epoch(4, 0, 0.9)])
    assert len(axes) == 3
    assert curve(axes[0], "loss") == ([2, 3, 4], [1.0, 2 / 3, 0.5])
    assert curve(axes[1], "accuracy")[1] == [0.75, 1 - 0.5 / 3, 0.875]
    assert curve(axes[1], "validation")[1] == [0.7, 0.8, 0.9]
    assert curve(axes[2], "premature dense1") == ([2, 3, 4], [3, 1, 0])
    assert curve(axes[2], "premature dense2")[1] == [0, 0, 0]
    assert [one.get_title(loc="left") for one in axes] == ["loss", "accuracy", "neurons too early"]
    assert axes[0].get_ylim()[0] == axes[2].get_ylim()[0] == 0
    assert [text.get_text() for text in axes[2].get_legend().get_texts()] == ["dense1", "dense2"]


def test_without_a_judge_or_held_out_data_there_is_nothing_of_them() -> None:
    axes = viz.training_curves([epoch(1), epoch(2)], title="mine")
    assert len(axes) == 2
    assert axes[0].get_title(loc="left") == "mine"
    assert not [artist for artist in axes[1].findobj() if artist.get_gid() == "validation"]


def test_axes_of_the_user_are_drawn_into() -> None:
    mine = Figure().subplots(1, 3)
    assert list(viz.training_curves([epoch(1, 0)], mine)) == list(mine)
    with pytest.raises(InputError, match=r"ax holds 3 axes; must be 2"):
        viz.training_curves([epoch(1)], mine)


@pytest.mark.parametrize("epochs", [[], None, [1, 2], "epochs"])
def test_what_has_no_epochs_is_refused(epochs: Any) -> None:
    with pytest.raises(InputError, match="must be one or more, as `training"):
        viz.training_curves(epochs)
