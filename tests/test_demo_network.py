"""The demo's network, mapped to spikes: all of its test images, neuron by neuron, against the ReLU network."""

import numpy as np
import pytest
from planted import window_of

from eventsim import models
from eventsim.models import digits


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_every_spike_of_the_test_images_is_where_the_mapping_puts_it(slope: str) -> None:
    relu, (images, labels) = digits.network(), digits.test_images()
    net = models.to_ttfs(relu, digits.calibration_images()[0], slope)
    report = models.verify(net, relu, images)
    assert report.n_samples == 400
    assert report.ok
    assert {cause for cause, count in report.summary.items() if count} == {"ok", "rounding"}
    for name in ("dense1", "dense2"):
        _, t_min, t_max = window_of(net, name)
        difference = np.abs(
            np.minimum(report.event_times[name], t_max) - np.minimum(report.expected_times[name], t_max)
        )
        assert (difference <= report.bounds[name]).all()
        assert difference.max() <= 1e-14 * (t_max - t_min)
        ideal = np.abs(np.minimum(report.event_times[name], t_max) - np.minimum(report.ideal_times[name], t_max))
        assert (ideal <= report.ideal_bounds[name]).all()
        assert ideal.max() <= 1e-12 * (t_max - t_min)
    assert report.agreement == 1.0
    logits = relu.forward(images)
    assert np.abs(report.potentials["output"] - logits).max() <= 1e-13 * np.abs(logits).max()
    predictions = report.potentials["output"].argmax(axis=1)
    assert np.mean(predictions == labels) == relu.provenance["test_accuracy"]
