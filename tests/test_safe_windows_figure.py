"""The figure of safe windows: every neuron is counted, and premature ones are told apart."""

from typing import Any

import numpy as np
import pytest

from eventsim import models, viz
from eventsim.errors import InputError


def certificates(margin: float) -> models.Certificates:
    rng = np.random.default_rng(0)
    relu = models.ReluNetwork.from_weights([rng.normal(0, 1, s) for s in ((8, 6), (5, 8), (2, 5))])
    x = rng.uniform(size=(20, 6))
    return models.certify(models.to_ttfs(relu, x, margin=margin), x)


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
            assert ax.get_title(loc="left").startswith(f"{name}: {f'{early:,}' if early else 'none'} premature")


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
