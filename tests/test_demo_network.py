"""The digits' networks, mapped to spikes: all of their test images, neuron by neuron, against the ReLU networks."""

from collections.abc import Callable

import numpy as np
import pytest
from planted import window_of

from eventsim import models
from eventsim.models import digits
from eventsim.models.relu.relu_network import ReluNetwork


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
@pytest.mark.parametrize("network", [digits.network, digits.dense_network])
def test_every_spike_of_the_test_images_is_where_the_mapping_puts_it(
    network: Callable[[], ReluNetwork], slope: str
) -> None:
    relu, (images, labels) = network(), digits.test_images()
    net = models.to_ttfs(relu, digits.calibration_images()[0], slope)
    report = models.verify(net, relu, images)
    assert report.n_samples == 400
    assert report.ok
    assert {cause for cause, count in report.summary.items() if count} == {"ok", "rounding"}
    for name in report.populations[1:]:
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
