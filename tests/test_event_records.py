"""Recordings of records of one length (.dat, N-MNIST's .bin) hold the events that were written to them."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from camera_encoders import Event, dat, header, nmnist
from hypothesis import given
from hypothesis import strategies as st

from eventsim import FileFormatError, InputError, SpikeTimes
from eventsim.network.camera_files import read_recording
from eventsim.network.event_records import read_dat, read_nmnist

CAMERA = header("Data file containing CD events.", "Version 2", "Date 2026-01-01 10:00:00", "Height 12", "Width 16")
EVENTS: list[Event] = [(5, 1, 2, 1), (70, 3, 4, 0), (70, 15, 0, 1), (4097, 5, 6, 1), (5000, 0, 11, 0)]


def read(path: Path, raw: bytes) -> tuple[list[Event], Any]:
    path.write_bytes(raw)
    events, camera = read_recording(path)
    return [(t, x, y, int(p)) for t, x, y, p in events.tolist()], camera


def later(steps: list[tuple[int, int, int, int]], first: int) -> list[Event]:
    """Events so many µs after each other."""
    times = first + np.cumsum([step for step, *_ in steps], dtype=np.int64)
    return [(t, x, y, p) for t, (_, x, y, p) in zip(times.tolist(), steps, strict=True)]


@pytest.mark.parametrize("kind", [0x0C, 0x00])
def test_dat_files_hold_their_events_those_of_n_cars_too(kind: int, tmp_path: Path) -> None:
    assert read(tmp_path / "a.dat", CAMERA + dat(EVENTS, kind=kind)) == (EVENTS, (12, 16))
    assert read(tmp_path / "a.dat", CAMERA.replace(b"\n", b"\r\n") + dat(EVENTS, kind=kind)) == (EVENTS, (12, 16))
    assert read(tmp_path / "a.dat", CAMERA + header("end") + dat([], kind=kind)) == ([], (12, 16))
    assert read(tmp_path / "a.DAT", header("Version 2") + dat(EVENTS)) == (EVENTS, None)
    assert read(tmp_path / "a.dat", header("Version 1") + dat(EVENTS, version=1)) == (EVENTS, None)
    shifted = [(t + 1000, x, y, p) for t, x, y, p in EVENTS]
    assert read(tmp_path / "a.dat", header("Version 2", "t0 1000") + dat(EVENTS))[0] == shifted


@given(
    st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**14 - 1), st.integers(0, 2**14 - 1), st.booleans())),
    st.integers(0, 2**32 - 1),
)
def test_times_of_dat_files_go_on_where_32_bits_begin_again(steps: Any, first: int) -> None:
    events = later([(step, x, y, int(p)) for step, x, y, p in steps], first)
    if events and events[0][0] >= 2**32:  # a file cannot say that it began later
        events = [(t - 2**32, x, y, p) for t, x, y, p in events]
    found, camera = read_dat("a.dat", CAMERA + dat(events))
    assert [(t, x, y, int(p)) for t, x, y, p in found.tolist()] == events
    assert camera == (12, 16)


def test_times_of_dat_files_that_go_back_a_little_are_kept(tmp_path: Path) -> None:
    events = [(100, 1, 1, 1), (70, 2, 2, 1), (2**32 + 3, 1, 1, 0), (2**32 - 5, 3, 3, 1)]
    near = [events[0], events[1], (3, 1, 1, 0), (-5, 3, 3, 1)]  # a step of more than half of 2**32 is one back
    assert read(tmp_path / "a.dat", CAMERA + dat(events))[0] == near


@given(
    st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 255), st.integers(0, 239), st.booleans())),
)
def test_bin_files_hold_their_events(steps: Any) -> None:
    events = later([(step, x, y, int(p)) for step, x, y, p in steps], 0)
    found, camera = read_nmnist("a.bin", nmnist(events))
    assert [(t, x, y, int(p)) for t, x, y, p in found.tolist()] == events
    assert camera is None


def test_a_bin_file_by_hand(tmp_path: Path) -> None:
    """Times use all 23 bits, a row 240 is no event and adds 8192 µs to all that follow."""
    raw = (
        bytes((1, 2, 0x80, 0, 9))
        + bytes((0, 240, 0x80, 1, 1))
        + bytes((3, 4, 0x01, 0, 1))
        + bytes((3, 4, 0xFF, 255, 255))
    )
    assert read(tmp_path / "a.bin", raw)[0] == [(9, 1, 2, 1), (65537 + 8192, 3, 4, 0), (2**23 - 1 + 8192, 3, 4, 1)]
    [(times, neurons)] = SpikeTimes.from_recording(tmp_path / "a.bin", (2, 34, 34)).checked("test", (2, 34, 34))
    assert times.tolist() == [0.0, 65537 + 8192 - 9, 2**23 - 1 + 8192 - 9]
    assert neurons.tolist() == [(34 + 2) * 34 + 1, 4 * 34 + 3, (34 + 4) * 34 + 3]


def test_events_that_a_bin_file_has_twice_are_one_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(nmnist([(5, 1, 2, 1), (5, 1, 2, 1), (9, 1, 2, 0)]))
    with pytest.raises(InputError, match=r"1 events are of a pixel and polarity that has another one.*merge=True"):
        SpikeTimes.from_recording(path, (2, 34, 34))
    [(times, _)] = SpikeTimes.from_recording(path, (2, 34, 34), merge=True).checked("test", (2, 34, 34))
    assert times.tolist() == [0.0, 4.0]
    with pytest.raises(InputError, match=r"event 0 has y = 2; must be in 0\.\.1\. Give the shape of the camera"):
        SpikeTimes.from_recording(path, (2, 2, 34))


def test_the_camera_of_a_dat_file_must_be_that_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(CAMERA + dat(EVENTS))
    [(times, neurons)] = SpikeTimes.from_recording(path, (2, 12, 16), scale=1e-3).checked("test", (2, 12, 16))
    assert times.tolist() == [(t - 5) * 1e-3 for t, *_ in sorted(EVENTS)]
    assert sorted(neurons.tolist()) == sorted((p * 12 + y) * 16 + x for _, x, y, p in EVENTS)
    with pytest.raises(InputError, match=r"camera has \(polarities, height, width\) = \(2, 12, 16\)"):
        SpikeTimes.from_recording(path, (2, 16, 12))
    with pytest.raises(InputError, match=r"shape = 3; must be \(polarities, height, width\)"):
        SpikeTimes.from_recording(path, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(("raw", "message"), [
    (b"", "does not begin with a header; must begin with lines"),
    (dat(EVENTS), "does not begin with a header"),
    (b"% Version 2", "does not begin with a header"),
    (header("Height 12", "Width 16") + dat(EVENTS), "the header has no version; must be version 1 or 2"),
    (header("Version 3") + dat(EVENTS), "the header has version 3"),
    (header("Version 2", "t0 " + "9" * 30) + dat(EVENTS), "the header says t0 9+; must be a whole number"),
    (header("Version two") + dat(EVENTS), "the header says version two; must be a whole number"),
    (header("Version 2", "Height 12", "Height 13") + dat(EVENTS), "says height 12 and height 13; must be one"),
    (CAMERA, "are the bytes of nothing, the type and length of an event; must be 0c 08 or 00 08"),
    (CAMERA + dat(EVENTS, kind=0x0E), "are the bytes 0e 08"),
    (CAMERA + dat(EVENTS)[:-3], "the last event has 5 of 8 bytes; must be a whole recording"),
    (CAMERA + bytes((12, 8)) + struct.pack("<II", 5, 7 << 28), "event 0 has polarity 7; must be 0 or 1"),
])  # fmt: skip
def test_dat_files_that_are_damaged_or_of_other_kinds_are_refused(raw: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=rf"a\.dat: .*{message}"):
        read(tmp_path / "a.dat", raw)


@given(st.sampled_from([b"", b"% ", b"% Version 2\n", CAMERA, CAMERA + b"\x0c\x08"]), st.binary(max_size=60))
def test_any_bytes_are_events_or_a_clear_error(begin: bytes, rest: bytes) -> None:
    for reader in (read_dat, read_nmnist):
        try:
            events, _ = reader("a", begin + rest)
        except FileFormatError:
            continue
        assert len(events) <= len(begin + rest) // 5


def test_what_cannot_be_read_is_refused_by_its_path(tmp_path: Path) -> None:
    for name in ("none.dat", "none.bin", "none.raw"):
        with pytest.raises(FileFormatError, match=rf"{name} cannot be read .*must be a file"):
            read_recording(tmp_path / name)
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_recording(tmp_path / "folder.bin")
    with pytest.raises(FileFormatError, match="the last event has 4 of 5 bytes"):
        read(tmp_path / "a.bin", nmnist(EVENTS)[:-1])
