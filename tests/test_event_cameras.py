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
        (recording((1, 0, 0, 0)), {"start": 2}, "event 0 is at t = 1, before start = 2"),
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
    with pytest.raises(InputError, match=r"spikes of a source of shape \(2, 3, 4\); must be \(1, 3, 4\)"):
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


# -- what readers of such files give -----------------------------------------------------------------------------------


def places(events: Any, shape: Any = SHAPE, **options: Any) -> list[tuple[float, int]]:
    [(times, neurons)] = eventsim.SpikeTimes.from_events(events, shape, **options).checked("test", shape)
    return list(zip(times.tolist(), neurons.tolist(), strict=True))


@pytest.mark.parametrize("kind", ["i8", "u8"])
def test_nanoseconds_since_1970_are_subtracted_as_integers(kind: str) -> None:
    begin = 1_767_225_600_123_456_789
    assert float(begin + 1000) - float(begin) != 1000  # what float64 makes of steps of a microsecond
    events = np.zeros(5, [("t", kind), ("x", "i2"), ("y", "i2"), ("p", "i2")])
    events["t"] = begin + np.array([0, 1000, 2000, 2001, 3000])
    expected = [(t * 1e-6, 0) for t in (0, 1000, 2000, 2001, 3000)]
    assert places(events, scale=1e-6) == expected
    assert places(events, scale=1e-6, merge=True) == expected  # none falls together with another
    assert places(events, start=begin - 7)[:2] == [(7.0, 0), (1007.0, 0)]
    with pytest.raises(InputError, match=f"event 0 is at t = {begin}, before start = {begin + 1}"):
        places(events, start=begin + 1)


def test_the_whole_range_of_integers_and_extended_precision_are_subtracted_before_they_are_rounded() -> None:
    ends = np.iinfo(np.int64)
    events = recording((ends.min, 0, 0, 0), (ends.min + 3, 1, 0, 0), (ends.max, 2, 0, 0))
    assert [t for t, _ in places(events)] == [0.0, 3.0, 2.0**64]
    assert [t for t, _ in places(events[:2], start=ends.min - 1)] == [1.0, 4.0]
    assert [t for t, _ in places(recording((10, 0, 0, 0)), start=9.5)] == [0.5]
    assert [t for t, _ in places(recording((3, 0, 0, 0)), start=-(10**30))] == [1e30]
    wide = np.zeros(2, [("t", np.longdouble), ("x", "i2"), ("y", "i2"), ("p", "i2")])
    wide["t"] = np.longdouble(2) ** 60 + np.arange(2)
    if np.finfo(np.longdouble).nmant > 60:
        assert [t for t, _ in places(wide)] == [0.0, 1.0]


def test_measurements_of_exposure_are_no_events() -> None:
    """An ATIS array as event_stream gives it: one change, and two events that measure exposure."""
    events = np.array(
        [(10, 1, 2, False, True), (20, 1, 2, True, False), (35, 1, 2, True, True)],
        [("t", "u8"), ("x", "u2"), ("y", "u2"), ("e", "?"), ("p", "?")],
    )
    assert places(events) == [(0.0, 12 + 2 * 4 + 1)]
    assert places(events, rows="from_below") == [(0.0, 12 + 1)]
    assert places(events, start=5, scale=2.0) == [(10.0, 12 + 2 * 4 + 1)]
    numbers = events.astype([("t", "u8"), ("x", "u2"), ("y", "u2"), ("e", "u1"), ("p", "?")])
    assert places(numbers) == places(events)


@pytest.mark.parametrize(
    ("field", "kind", "message"),
    [
        (
            "z",
            "f4",
            r"recording 0 has a field 'z', which may change what an event is; must have t, x, y, p, and e where",
        ),
        ("e", "f8", "field e has type float64; must be True where an ATIS event measures exposure"),
        ("exposure", "?", "has a field 'exposure'"),
    ],
)
def test_a_field_that_nobody_knows_is_refused_by_its_name(field: str, kind: str, message: str) -> None:
    events = np.zeros(1, [("t", "i8"), ("x", "i2"), ("y", "i2"), (field, kind), ("p", "?")])
    with pytest.raises(InputError, match=message):
        places(events)


def test_fields_that_have_their_name_as_a_title_are_read() -> None:
    events = np.zeros(2, [("t", "u8"), ("x", "u2"), ("y", "u2"), (("p", "on"), "?")])
    assert "p" not in (events.dtype.names or ())
    events["t"], events["on"] = [5, 9], [True, False]
    assert places(events) == [(0.0, 12), (4.0, 0)]


def test_signed_polarities_are_read_when_told_and_the_message_says_so() -> None:
    events = recording((1, 0, 0, 0), (2, 3, 2, 0)).astype([("x", "i2"), ("y", "i2"), ("p", "i1"), ("t", "i8")])
    events["p"] = [1, -1]
    assert places(events, polarity="signed") == [(0.0, 12), (1.0, 11)]
    assert places(events, (1, 3, 4)) == [(0.0, 0), (1.0, 11)]  # one polarity: p says nothing
    with pytest.raises(InputError, match=r"event 1 has p = -1; must be in 0\.\.1\. Pass polarity='signed' where") as e:
        places(events)
    assert "shape" not in str(e.value)
    events["p"] = [0, 1]
    with pytest.raises(InputError, match="event 0 has p = 0; must be -1 or 1, since polarity = 'signed'"):
        places(events, polarity="signed")
    events["p"] = [2, 1]
    with pytest.raises(InputError, match=r"event 0 has p = 2; must be in 0\.\.1\. Polarities count from 0"):
        places(events)
    for name, value, message in (("polarity", "sign", "did you mean 'signed'"), ("rows", "up", "must be one of from_")):
        with pytest.raises(InputError, match=f"{name} = '{value}'.*{message}"):
            places(events, **{name: value})


def test_rows_from_below_are_turned_and_row_0_is_the_uppermost() -> None:
    events = recording((1, 1, 0, 0), (2, 1, 2, 0))
    assert places(events) == [(0.0, 1), (1.0, 9)]
    assert places(events, rows="from_below") == [(0.0, 9), (1.0, 1)]


def dated(kind: str, *stamps: Any) -> np.ndarray:
    """Events at these stamps, of numpy's dates or durations."""
    events = np.zeros(len(stamps), [("t", kind), ("x", "i2"), ("y", "i2"), ("p", "i1")])
    events["t"] = stamps
    return events


@pytest.mark.parametrize(("kind", "words"), [
    ("M8[us]", r"64\[us\]; must be real numbers.* \.astype\(\"int64\"\), which counts microseconds; float64"),
    ("m8[ns]", r"64\[ns\]; must be real numbers.* \.astype\(\"int64\"\), which counts nanoseconds;"),
    ("M8[25us]", r"which counts 25 microseconds;"),
    ("m8", r"which counts units that it does not name;"),
])  # fmt: skip
def test_dates_and_durations_are_refused_with_how_they_become_whole_numbers(kind: str, words: str) -> None:
    first = 1_700_000_000_000_001
    stamps = np.array([first, first + 2], "i8").astype(kind)
    events = dated(kind, *stamps)
    with pytest.raises(
        InputError, match=rf"recording 0: field t has type .*{words}.* In place: events\.astype\(.*\)\.$"
    ):
        eventsim.SpikeTimes.from_events(events, SHAPE)
    told = events.astype([(name, "i8" if name == "t" else events.dtype[name]) for name in events.dtype.names])  # type: ignore[union-attr]
    [(times, _)] = eventsim.SpikeTimes.from_events(told, SHAPE, scale=0.5).checked("test", SHAPE)
    assert times.tolist() == [0.0, 1.0]
    net = eventsim.Network()
    net.source(2, "input")
    net.population("lif_delta", 1, "cell", tau_mem=1.0)
    for given in (eventsim.SpikeTimes(stamps[np.newaxis]), eventsim.SpikeTimes([[stamps, stamps]])):
        with pytest.raises(InputError, match=words):
            eventsim.simulate(net, given, engine="reference")


def test_stamps_that_are_no_time_are_to_be_left_out() -> None:
    with pytest.raises(InputError, match=r"Leave NaT out, then give \.astype"):
        eventsim.SpikeTimes.from_events(dated("M8[us]", "2024-01-01", "NaT"), SHAPE)


@pytest.mark.parametrize("make", [lambda t: np.array([[t, 1]]), lambda t: [[[t], [1]]], lambda t: [[[t], [0.5, 1.0]]]])
def test_whole_numbers_that_float64_does_not_hold_are_refused_as_spike_times(make: Any) -> None:
    net = eventsim.Network()
    net.source(2, "input")
    net.population("lif_delta", 1, "cell", tau_mem=1.0)
    lost = 1_767_225_600_123_456_789
    with pytest.raises(InputError, match=rf"= {lost}; must be a number that float64 holds.*Subtract the start"):
        eventsim.simulate(net, eventsim.SpikeTimes(make(lost)), engine="reference")
    run = eventsim.simulate(net, eventsim.SpikeTimes(make(2**60)), engine="reference")
    assert run.spike_times("input")[0, 0] == 2.0**60


def test_whole_numbers_that_float64_does_not_hold_are_refused_as_other_times() -> None:
    lost = 2**53 + 1
    for make in (
        lambda: eventsim.Regular(period=1, start=lost),
        lambda: eventsim.Regular(period=[1.5, lost]),
        lambda: eventsim.Steps([0, lost], [1, 2]),
    ):
        with pytest.raises(eventsim.EventsimError, match=f"{lost}; must be a number that float64 holds"):
            make()
