"""Event-camera recordings as spikes of a source: each event at its pixel, none lost."""

import math
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim.errors import InputError

CAMERA = np.dtype([("x", "i2"), ("y", "i2"), ("p", "?"), ("t", "i8")])
SHAPE = (2, 3, 4)


def recording(*events: tuple[int, int, int, int]) -> np.ndarray:
    """Events (t, x, y, p)."""
    found = np.zeros(len(events), CAMERA)
    for name, values in zip(("t", "x", "y", "p"), zip(*events, strict=True), strict=True):
        found[name] = values
    return found


def test_each_event_is_a_spike_of_its_pixel_and_polarity() -> None:
    rng = np.random.default_rng(0)
    events = rng.permutation([(t, *rng.integers(0, (4, 3, 2)).tolist()) for t in range(1000, 1400, 2)]).tolist()
    net = eventsim.Network(time_unit=1e-3)
    source = net.source(SHAPE, "camera")
    pixels = net.population("lif_delta", SHAPE, "pixels", tau_mem=5.0)
    net.connect(source, pixels, eventsim.OneToOne(np.full(24, 2.0)))
    given = eventsim.SpikeTimes.from_events([recording(*events), recording((7, 3, 2, 1))], SHAPE, scale=1e-3)
    for engine in ("compiled", "reference"):
        run = eventsim.simulate(net, given, engine=engine)
        found = [(t, n) for s, p, n, t in run.spikes.tolist() if (s, p) == (0, 0)]
        assert found == sorted(((t - 1000) * 1e-3, (p * 3 + y) * 4 + x) for t, x, y, p in events)
        assert [tuple(spike) for spike in run.spikes[run.spikes["sample"] == 1].tolist()] == [
            (1, 0, 23, 0.0),
            (1, 1, 23, 0.0),
        ]


def test_one_polarity_takes_events_of_both_and_start_shifts_them() -> None:
    given = eventsim.SpikeTimes.from_events(recording((10, 1, 0, 1), (12, 1, 0, 0)), (1, 1, 2), start=4)
    [(times, neurons)] = given.checked("test", (1, 1, 2))
    assert (times.tolist(), neurons.tolist()) == ([6.0, 8.0], [1, 1])


def test_an_empty_recording_is_silence() -> None:
    [(times, neurons)] = eventsim.SpikeTimes.from_events(np.zeros(0, CAMERA), SHAPE).checked("test", SHAPE)
    assert (times.size, neurons.size) == (0, 0)


@pytest.mark.parametrize(
    ("events", "settings", "message"),
    [
        (np.zeros(3), {}, r"recording 0 has fields \(\); must be a structured array with fields t, x, y, p"),
        (np.zeros(3, [("t", "f8"), ("x", "i2")]), {}, r"has fields \(t, x\)"),
        (recording((1, 4, 0, 0)), {}, r"event 0 has x = 4; must be in 0\.\.3"),
        (recording((1, 0, 0, 0), (1, 0, -1, 0)), {}, r"event 1 has y = -1; must be in 0\.\.2"),
        (recording((1, 0, 0, 0)), {"start": 2}, "event 0 is at t = 1.0, before start = 2"),
        (recording((1, 0, 0, 0), (1, 0, 0, 0)), {}, "1 events are of a pixel and polarity that has another one"),
        (recording((1, 0, 0, 0)), {"scale": 0.0}, "scale = 0.0; must be > 0"),
        (recording((1, 0, 0, 0)), {"shape": (3, 4)}, r"shape = \(3, 4\); must be \(polarities, height, width\)"),
    ],
)
def test_what_is_no_recording_is_refused(events, settings, message) -> None:
    with pytest.raises(InputError, match=message):
        eventsim.SpikeTimes.from_events(events, **{"shape": SHAPE} | settings)


def test_events_of_one_time_are_merged_when_asked_to_and_shapes_are_compared() -> None:
    given = eventsim.SpikeTimes.from_events(recording((1, 0, 0, 0), (1, 0, 0, 0), (2, 3, 2, 1)), SHAPE, merge=True)
    [(times, neurons)] = given.checked("test", SHAPE)
    assert (times.tolist(), neurons.tolist()) == ([0.0, 1.0], [0, 23])
    with pytest.raises(InputError, match=r"has events of neuron 23; must be in 0\.\.11"):
        given.checked("test", (1, 3, 4))


@pytest.mark.parametrize(
    ("events", "options", "message"),
    [
        (None, {}, "must be a structured array"),
        (3, {}, "must be a structured array"),
        ([], {}, "must be a structured array"),
        ("here", {"shape": 3}, r"shape = 3; must be \(polarities, height, width\)"),
        ("here", {"shape": (2, 2**31, 2**31)}, "more than"),
        ("here", {"start": "a"}, "start"),
        ("here", {"start": -math.inf}, "start"),
        ("here", {"merge": "no"}, "merge"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_by_name(events: Any, options: Any, message: str) -> None:
    given = recording((1, 0, 0, 0)) if events == "here" else events
    with pytest.raises(InputError, match=message):
        eventsim.SpikeTimes.from_events(given, **({"shape": (2, 3, 4)} | options))


def test_times_that_a_scale_makes_infinite_and_places_that_are_no_integers_are_refused() -> None:
    with pytest.raises(InputError, match="no finite numbers"):
        eventsim.SpikeTimes.from_events(recording((0, 0, 0, 0), (10, 0, 0, 0)), (2, 3, 4), scale=1e308)
    half = np.array([(1, 0.5, 0, 0)], dtype=[("t", "i8"), ("x", "f8"), ("y", "i8"), ("p", "i8")])
    with pytest.raises(InputError, match="field x has type float64"):
        eventsim.SpikeTimes.from_events(half, (2, 3, 4))
