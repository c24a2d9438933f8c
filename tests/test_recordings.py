"""Event-camera files hold the events that were written to them; damaged ones are refused."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim import FileFormatError, InputError, SpikeTimes

faery = pytest.importorskip("faery")

pytestmark = pytest.mark.references

WIDTH, HEIGHT = 16, 12
SHAPE = (2, HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def events() -> np.ndarray:
    rng = np.random.default_rng(0)
    found = np.zeros(3000, faery.EVENTS_DTYPE)
    found["t"] = np.cumsum(rng.integers(1, 300, 3000))
    for name, size in (("x", WIDTH), ("y", HEIGHT), ("on", 2)):
        found[name] = rng.integers(0, size, 3000)
    return found


def written(events: np.ndarray, path: Path) -> Path:
    faery.events_stream_from_array(events, (WIDTH, HEIGHT)).to_file(path, zero_t0=False)
    return path


def trains(given: SpikeTimes, shape: Any = SHAPE) -> list[list[tuple[float, int]]]:
    return [list(zip(times.tolist(), neurons.tolist(), strict=True)) for times, neurons in given.checked("test", shape)]


@pytest.mark.parametrize("suffix", ["aedat4", "es"])
def test_a_recording_is_the_spikes_of_its_pixels(events: np.ndarray, suffix: str, tmp_path: Path) -> None:
    path = written(events, tmp_path / f"events.{suffix}")
    first = int(events["t"][0])
    expected = [((t - first) * 1e-3, (int(on) * HEIGHT + y) * WIDTH + x) for t, x, y, on in events.tolist()]
    assert trains(SpikeTimes.from_recording(path, SHAPE, scale=1e-3)) == [expected]
    joined = trains(SpikeTimes.from_recording([path, str(path)], (1, HEIGHT, WIDTH), start=0), (1, HEIGHT, WIDTH))
    assert joined == [[(float(t), y * WIDTH + x) for t, x, y, _ in events.tolist()]] * 2
    empty = written(events[:0], tmp_path / f"empty.{suffix}")
    assert trains(SpikeTimes.from_recording(empty, SHAPE)) == [[]]


def test_an_event_stream_of_the_specification_is_read(tmp_path: Path) -> None:
    """Version 2.0.0, type 1: a byte of 7 bits of time and the polarity (0xff: 127 µs pass), then x and y from below."""
    given = [(3, 5, 2, 1), (100, 0, 11, 0), (500, 15, 0, 1)]
    raw, now = b"Event Stream" + bytes((2, 0, 0, 1)) + struct.pack("<HH", WIDTH, HEIGHT), 0
    for t, x, y, p in given:
        while t - now >= 127:
            raw, now = raw + b"\xff", now + 127
        raw, now = raw + struct.pack("<BHH", (t - now) << 1 | p, x, y), t
    path = tmp_path / "events.es"
    path.write_bytes(raw)
    expected = [(float(t - 3), (p * HEIGHT + HEIGHT - 1 - y) * WIDTH + x) for t, x, y, p in given]
    assert trains(SpikeTimes.from_recording(path, SHAPE)) == [expected]
    # The same file by other readers: event_stream gives the rows of the file, faery turns them.
    as_written = np.array(given, [("t", "u8"), ("x", "u2"), ("y", "u2"), ("p", "?")])
    assert trains(SpikeTimes.from_events(as_written, SHAPE, rows="from_below")) == [expected]
    turned = faery.events_stream_from_file(path).to_array()
    assert "p" not in turned.dtype.names  # it is a title
    assert trains(SpikeTimes.from_events(turned, SHAPE)) == [expected]


def test_damaged_files_are_refused(events: np.ndarray, tmp_path: Path) -> None:
    for suffix in ("aedat4", "es"):
        path = tmp_path / f"events.{suffix}"
        with pytest.raises(
            FileFormatError, match=rf"events\.{suffix} is not read by faery .*must be a whole recording"
        ):
            SpikeTimes.from_recording(path, SHAPE)
        raw = written(events, path).read_bytes()
        for damaged in (b"", raw[:5], b"\0" * 200, raw[:14] + b"\xff" * 300):
            path.write_bytes(damaged)
            with pytest.raises(FileFormatError, match="is not read by faery"):
                SpikeTimes.from_recording(path, SHAPE)
    path = tmp_path / "events.aedat4"
    raw = written(events, path).read_bytes()
    for k in range(20, len(raw) - 100, len(raw) // 11):
        path.write_bytes(raw[:k])
        with pytest.raises(FileFormatError, match="is not read by faery"):
            SpikeTimes.from_recording(path, SHAPE)
    path.write_bytes(raw[: len(raw) // 2] + b"\x5a" * 20 + raw[len(raw) // 2 + 20 :])
    with pytest.raises(FileFormatError, match="is not read by faery"):
        SpikeTimes.from_recording(path, SHAPE)


def test_panics_of_the_decoder_are_errors_and_interrupts_are_not(
    events: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicError(BaseException):
        pass

    path = written(events, tmp_path / "events.es")
    for raised, seen in ((PanicError("slice index"), FileFormatError), (KeyboardInterrupt(), KeyboardInterrupt)):

        def fail(path: Path, error: BaseException = raised) -> None:
            raise error

        monkeypatch.setattr(faery, "events_stream_from_file", fail)
        with pytest.raises(seen):
            SpikeTimes.from_recording(path, SHAPE)


def test_other_files_cameras_and_settings_are_refused(
    events: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(events, tmp_path / "events.aedat4")
    wrong: list[Any] = [3, None, "events.csv", tmp_path]
    for other in wrong:
        with pytest.raises(
            InputError, match=r"must be the path of a file that ends in \.aedat4, \.es, \.raw, \.dat, \.bin"
        ):
            SpikeTimes.from_recording(other, SHAPE)
    with pytest.raises(
        InputError, match=r"camera has \(polarities, height, width\) = \(2, 12, 16\), shape = \(2, 16, 12\)"
    ):
        SpikeTimes.from_recording(path, (2, 16, 12))
    with pytest.raises(InputError, match="before start"):
        SpikeTimes.from_recording(path, SHAPE, start=1e9)
    monkeypatch.setitem(__import__("sys").modules, "faery", None)
    with pytest.raises(InputError, match=r"needs faery, which is not installed .*eventsim\[events\]"):
        SpikeTimes.from_recording(path, SHAPE)
