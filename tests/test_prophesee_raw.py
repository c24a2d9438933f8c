"""Prophesee's .raw files (EVT 2.0, EVT 3.0) hold the events that were written to them; nothing is guessed."""

import struct
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from camera_encoders import Event, dat, evt2, evt3, header
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim import FileFormatError, InputError, SpikeTimes
from eventsim.network.camera_files import read_recording

faery = pytest.importorskip("faery")
pytestmark = pytest.mark.references

EVENTS: list[Event] = [(5, 1, 2, 1), (70, 3, 4, 0), (4097, 5, 6, 1), (5000, 0, 11, 0)]
ENCODERS = {"2.0": evt2, "3.0": evt3}
VERSIONS = pytest.mark.parametrize("version", list(ENCODERS))


def read(path: Path, raw: bytes) -> tuple[list[Event], Any]:
    path.write_bytes(raw)
    events, camera = read_recording(path)
    return [(t, x, y, int(p)) for t, x, y, p in events.tolist()], camera


def head(version: str, *lines: str) -> bytes:
    return header(f"evt {version}", *(lines or ("geometry 16x12", "end")))


def later(steps: list[Any], first: int) -> list[Event]:
    times = first + np.cumsum([step for step, *_ in steps], dtype=np.int64)
    return [(t, x, y, int(p)) for t, (_, x, y, p) in zip(times.tolist(), steps, strict=True)]


@VERSIONS
@pytest.mark.parametrize("lines", [
    ("geometry 16x12", "end"), ("geometry 16x12",), ("width 16", "height 12", "system_ID 26"),
    ("Width 16", "HEIGHT 12", "end"), ("geometry 16x12", "endianness little", "end"),
])  # fmt: skip
def test_the_header_says_the_size_in_each_of_its_ways(version: str, lines: Any, tmp_path: Path) -> None:
    assert read(tmp_path / "a.raw", head(version, *lines) + ENCODERS[version](EVENTS)) == (EVENTS, (12, 16))


@VERSIONS
def test_the_format_line_says_all_and_an_empty_recording_is_silence(version: str, tmp_path: Path) -> None:
    lines = header(f"format EVT{version[0]};height=12;width=16", f"evt {version}", "geometry 16x12", "end")
    assert read(tmp_path / "a.raw", lines + ENCODERS[version](EVENTS)) == (EVENTS, (12, 16))
    assert read(tmp_path / "a.raw", lines.replace(b"\n", b"\r\n") + ENCODERS[version](EVENTS)) == (EVENTS, (12, 16))
    assert read(tmp_path / "a.raw", lines) == ([], (12, 16))


def test_an_encoding_that_faery_would_guess_is_taken_from_the_format_line(tmp_path: Path) -> None:
    lines = header("format EVT2;height=12;width=16", "end")
    assert read(tmp_path / "a.raw", lines + evt2(EVENTS)) == (EVENTS, (12, 16))


@VERSIONS
def test_where_the_size_is_not_said_the_source_says_it(version: str, tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    assert read(path, head(version, "end") + ENCODERS[version](EVENTS)) == (EVENTS, None)
    [(times, neurons)] = SpikeTimes.from_recording(path, (2, 12, 16), start=0).checked("test", (2, 12, 16))
    assert sorted(zip(times.tolist(), neurons.tolist(), strict=True)) == [
        (float(t), (p * 12 + y) * 16 + x) for t, x, y, p in EVENTS
    ]
    with pytest.raises(InputError, match=r"event 3 has y = 11; must be in 0\.\.10\. Give the shape of the camera"):
        SpikeTimes.from_recording(path, (2, 11, 16))


places = st.tuples(st.integers(0, 2047), st.integers(0, 2047), st.booleans())


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**33), places)), st.integers(0, 2**34 - 1))
def test_times_of_evt2_go_on_where_34_bits_begin_again(steps: Any, first: int) -> None:
    events = later([(step, *place) for step, place in steps if step < 2**33 - 64], first)
    events = [(t - (events[0][0] - events[0][0] % 2**34), x, y, p) for t, x, y, p in events]
    with tempfile.TemporaryDirectory() as folder:
        assert read(Path(folder) / "a.raw", head("2.0", "end") + evt2(events))[0] == events


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**20), places)), st.integers(0, 2**24 - 2**20 - 1), st.booleans())
def test_times_of_evt3_go_on_where_24_bits_begin_again(steps: Any, first: int, vectors: bool) -> None:
    events = later([(step, *place) for step, place in steps], first)
    with tempfile.TemporaryDirectory() as folder:
        assert read(Path(folder) / "a.raw", head("3.0", "end") + evt3(events, vectors))[0] == events


def test_vectors_of_evt3_are_their_events(tmp_path: Path) -> None:
    """A base, 12 and 8 places behind it; the next vector goes on where the last one ended."""
    events = [(9, x, 7, 1) for x in (0, 3, 11, 12, 15, 19)] + [(9, x, 7, 0) for x in (100, 101)] + [(4096, 5, 8, 1)]
    assert read(tmp_path / "a.raw", head("3.0", "end") + evt3(events, vectors=True))[0] == events
    words = [8 << 12, 6 << 12 | 1, 3, 3 << 12 | 2, 5 << 12 | 0xF81, 4 << 12 | 1]  # of a vector of 8, 8 bits count
    found, _ = read(tmp_path / "a.raw", head("3.0", "end") + struct.pack("<6H", *words))
    assert found == [(1, 2, 3, 0), (1, 9, 3, 0), (1, 10, 3, 0)]


def test_words_that_are_no_events_of_change_are_passed_over(tmp_path: Path) -> None:
    others = struct.pack("<4I", 10 << 28 | 1, 14 << 28 | 9, 15 << 28 | 3, 2 << 28)
    raw = head("2.0") + evt2(EVENTS[:2]) + others + evt2(EVENTS[2:])
    assert read(tmp_path / "a.raw", raw)[0] == EVENTS
    others = struct.pack("<4H", 10 << 12 | 1, 14 << 12 | 9, 15 << 12 | 3, 7 << 12)
    raw = head("3.0") + evt3(EVENTS[:2]) + others + evt3(EVENTS[2:])
    assert read(tmp_path / "a.raw", raw)[0] == EVENTS


@VERSIONS
def test_events_before_the_first_word_of_time_are_left_out_with_a_warning(version: str, tmp_path: Path) -> None:
    if version == "2.0":
        early = evt2([(3, 1, 1, 1), (4, 2, 2, 0)], begin=0)
    else:
        early = struct.pack("<5H", 6 << 12 | 3, 1, 2 << 12 | 1, 3 << 12 | 4, 4 << 12 | 1)
    path = tmp_path / "a.raw"
    path.write_bytes(head(version) + early + ENCODERS[version]([(t + 10**6, x, y, p) for t, x, y, p in EVENTS]))
    with pytest.warns(RuntimeWarning, match="the first 2 of 6 events come before the first word that gives the time"):
        given = SpikeTimes.from_recording(path, (2, 12, 16))
    [(times, _)] = given.checked("test", (2, 12, 16))
    assert times.tolist() == [float(t - 5) for t, *_ in EVENTS]


@VERSIONS
@pytest.mark.parametrize("back", [1, 40, 5_000])
def test_a_time_that_goes_back_is_refused(version: str, back: int, tmp_path: Path) -> None:
    """faery moves such events to the latest time or, where the high bits of EVT 2.0 go back, 4.8 hours on."""
    events = [(10_000, 1, 1, 1), (10_000 - back, 2, 2, 1), (10_000, 3, 3, 1)]
    with pytest.raises(FileFormatError, match="time goes back, or leaps, before event 1 of 3; must never go back"):
        read(tmp_path / "a.raw", head(version) + ENCODERS[version](events))


@pytest.mark.parametrize(("raw", "message"), [
    (b"", "does not begin with a header"),
    (evt3(EVENTS), "does not begin with a header"),
    (header("geometry 16x12", "end") + evt3(EVENTS), "header does not say the encoding; must be EVT 2.0 or 3.0"),
    (header("evt 2.1", "end") + bytes(8), "header says EVT 2.1, little endian; must be EVT 2.0 or 3.0, little"),
    (header("evt 4", "end") + bytes(8), "header says EVT 4.0"),
    (header("format EVT21;height=12;width=16", "end") + bytes(8), "header says EVT 2.1"),
    (header("format HISTO3D;height=12;width=16", "end") + bytes(8), "header says EVT"),
    (header("evt 3.0", "endianness big", "end") + bytes(8), "says EVT 3.0, big endian"),
    (header("evt 3.0", "format EVT2;height=12;width=16") + evt2(EVENTS), r"says evt 3\.0 and evt 2\.0; must be one"),
    (header("evt 3.0", "geometry 16x12", "width 17") + evt3(EVENTS), "says width 16 and width 17; must be one"),
    (header("evt 3.0", "geometry 16x") + evt3(EVENTS), "header says height ; must be a whole number"),
    (head("3.0") + evt3(EVENTS) + b"\1", "data end with 1 of 2 bytes of a word; must be whole words"),
    (head("2.0") + evt2(EVENTS)[:-1], "data end with 3 of 4 bytes of a word"),
    (head("2.0") + evt2([((0x0A2025 << 6) + 1, 1, 1, 1)]), "data begin like a line of the header; must begin other"),
    (head("3.0", "geometry 4x4", "end") + evt3(EVENTS), "is not read by faery .*overflow"),
])  # fmt: skip
def test_files_that_are_damaged_or_of_other_kinds_are_refused(raw: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=rf"a\.raw:? .*{message}"):
        read(tmp_path / "a.raw", raw)


@settings(max_examples=60)
@given(st.sampled_from(["2.0", "3.0"]), st.binary(max_size=80))
def test_any_words_are_events_or_a_clear_error(version: str, data: bytes) -> None:
    data = data[: len(data) // 4 * 4]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.raw"
        path.write_bytes(head(version, "end") + data)
        try:
            with warnings.catch_warnings(action="ignore"):
                events, _ = read_recording(path)
        except FileFormatError:
            return
    assert (np.diff(events["t"]) >= 0).all()


def test_faery_and_eventsim_agree_on_what_faery_reads_of_dat_files(tmp_path: Path) -> None:
    """A second reader, where it is right: version 1 and 2, in order, one beginning anew."""
    events = [(2**32 - 9, 1, 2, 1), (2**32 - 1, 15, 11, 0), (2**32 + 5, 3, 4, 1)]
    for version in (1, 2):
        path = tmp_path / "a.dat"
        path.write_bytes(header(f"Version {version}", "Height 12", "Width 16") + dat(events, version))
        found = faery.events_stream_from_file(path).to_array()
        assert [(int(t), int(x), int(y), int(p)) for t, x, y, p in found.tolist()] == events
        assert read(path, path.read_bytes()) == (events, (12, 16))


def test_recordings_that_faery_writes_come_back_at_their_times(tmp_path: Path) -> None:
    given = np.zeros(len(EVENTS), faery.EVENTS_DTYPE)
    for name, values in zip(("t", "x", "y", "on"), zip(*EVENTS, strict=True), strict=True):
        given[name] = values
    for suffix, version in (("raw", "evt2"), ("raw", "evt3"), ("dat", "dat2")):
        for zero in (True, False):
            path = tmp_path / f"{version}.{suffix}"
            stream = faery.events_stream_from_array(given, (16, 12))
            stream.to_file(path, version=version, zero_t0=zero)
            assert read(path, path.read_bytes()) == (EVENTS, (12, 16)), (version, zero)
