"""The figure of safe windows: every neuron is counted, and premature ones are told apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim import models, viz
from eventsim.errors import InputError


def certificates(margin: float) -> models.Certificates:
    rng = np.random.default_rng(0)
    relu = models.ReluNetwork.from_weights([rng.normal(0, 1, s) for s in ((8, 6), (5, 8), (2, 5))])
    x = rng.uniform(size=(20, 6))
    return models.certify(models.to_ttfs(relu, x, margin=margin, windows="published"), x)


def test_safe_windows_count_every_neuron_and_tell_premature_ones_apart() -> None:
    for margin in (0.5, -0.6):
        found = certificates(margin)
        axes = viz.safe_windows(found)
        assert len(axes) == 2
        for ax, (name, layer) in zip(axes, found.layers.items(), strict=True):
            heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in ax.containers}
            needed = layer.window - layer.margin
            assert sum(map(sum, heights.values())) == np.count_nonzero(needed > 0)
            bins_above = np.count_nonzero(needed > layer.window)
            assert abs(sum(heights["premature"]) - bins_above) <= max(heights["premature"], default=0)
            early = int(layer.premature.sum())
            assert ax.get_title(loc="left").startswith(f"{name}\n{f'{early:,}' if early else 'none'} premature")


@pytest.mark.parametrize("threshold", [3.0, -1e300])
def test_a_layer_that_needs_no_window_or_one_without_end_is_drawn_without_a_warning(
    threshold: float, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    layers = [{"W": [[-1.0]], "t_min": 1, "t_max": 2, "threshold": threshold}, {"W": [[1.0]]}]
    (ax,) = viz.safe_windows(models.certify(models.ttfs_network(layers), [[0.5]]))
    ax.figure.savefig(tmp_path / "windows.png")
    assert not list(recwarn)


def test_no_bin_holds_safe_and_premature_neurons_and_none_lies_beyond_the_last() -> None:
    for margin in (0.5, -0.6):
        found = certificates(margin)
        for ax, layer in zip(viz.safe_windows(found, bins=7), found.layers.values(), strict=True):
            needed = layer.window - layer.margin
            edges = {bars.get_label(): [(b.get_x(), b.get_x() + b.get_width()) for b in bars] for bars in ax.containers}
            assert max(high for _, high in edges["safe"]) <= layer.window * (1 + 1e-12)
            assert min((low for low, _ in edges["premature"]), default=layer.window) == layer.window
            last = max(high for pairs in edges.values() for _, high in pairs)
            assert last == pytest.approx(needed.max(), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"certificates": 3}, "certificates is a int; must be what eventsim.models.certify"),
        ({"populations": ["dense3"]}, "unknown population 'dense3', did you mean"),
        ({"populations": []}, "there is no spiking layer to draw"),
        ({"bins": 0}, "bins = 0"),
    ],
)
def test_safe_windows_refuse_what_they_cannot_draw(arguments: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        viz.safe_windows(**({"certificates": certificates(0.5)} | arguments))
