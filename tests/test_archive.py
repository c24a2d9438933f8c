"""eventsim's files: what is written is read back to the bit, and no other file does harm."""

import io
import json
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from eventsim.errors import FileFormatError, InputError
from eventsim.files.archive import read_archive, write_archive

HEADER: dict[str, Any] = {"format": "eventsim-test", "version": 3, "note": "α", "sizes": [1, 2.5, None, True]}
SPIKES = np.array([(0, 1.5), (3, 2.25)], dtype=[("neuron", "i4"), ("time", "f8")])
ARRAYS: dict[str, NDArray[Any]] = {
    "weight": np.linspace(-1.0, 1.0, 6).reshape(2, 3),
    "dense1.bias": np.array([1, -2], np.int16),
    "empty": np.zeros((0, 4)),
    "scalar": np.array(0.1),
    "names": np.array(["input", "dense1"]),
    "spikes": SPIKES,
}


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    return read_archive(path, "eventsim-test", 3)


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def header_bytes(**changes: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(HEADER | changes).encode(), np.uint8)


def npy(shape: str, descr: str = "'<f8'", data: bytes = b"") -> bytes:
    """The bytes of an .npy array that claims what it is told to claim."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """A zip with a good header and these members."""
    stream = io.BytesIO()
    np.save(stream, header_bytes())
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in ({"header.npy": stream.getvalue()} | members).items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "file.npz"
    write_archive(path, HEADER, ARRAYS)
    return path


def test_what_is_written_is_read_back_to_the_bit(saved: Path) -> None:
    header, arrays = read(saved)
    assert header == HEADER
    assert sorted(arrays) == sorted(ARRAYS)
    assert all(same_bits(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert all(array.flags.c_contiguous and array.flags.aligned and array.flags.writeable for array in arrays.values())


@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8).filter(lambda name: name != "header"),
        hnp.arrays(
            st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.boolean_dtypes(), hnp.complex_number_dtypes()),
            hnp.array_shapes(min_dims=0, min_side=0),
        ),
        max_size=3,
    )
)
def test_any_arrays_are_read_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, NDArray[Any]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.npz"
    write_archive(path, HEADER, arrays)
    read_back = read(path)[1]
    assert sorted(read_back) == sorted(arrays)
    for name, array in arrays.items():
        assert same_bits(read_back[name], array.astype(array.dtype.newbyteorder("=")))


def test_numpy_opens_the_file_without_pickle(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as opened:
        assert same_bits(opened["weight"], ARRAYS["weight"])
        assert json.loads(opened["header"].tobytes())["format"] == "eventsim-test"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_that_numpy_wrote_to_the_rules_is_read(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "mine.npz", header=header_bytes(), weight=np.asfortranarray(ARRAYS["weight"]))
    header, arrays = read(tmp_path / "mine.npz")
    assert header == HEADER
    assert same_bits(arrays["weight"], ARRAYS["weight"])
    assert arrays["weight"].flags.c_contiguous


def test_equal_content_gives_equal_bytes(tmp_path: Path, saved: Path) -> None:
    padded = np.zeros(2, np.dtype([("neuron", "i4"), ("time", "f8")], align=True))
    padded.view(np.uint8)[:] = 255
    padded["neuron"], padded["time"] = SPIKES["neuron"], SPIKES["time"]
    turned = {
        "weight": np.asfortranarray(ARRAYS["weight"]),
        "dense1.bias": ARRAYS["dense1.bias"].astype(">i2"),
        "spikes": padded,
    }
    other = tmp_path / "other.npz"
    write_archive(other, dict(reversed(HEADER.items())), dict(reversed((ARRAYS | turned).items())))
    assert other.read_bytes() == saved.read_bytes()


def test_the_path_is_used_as_given(tmp_path: Path) -> None:
    write_archive(str(tmp_path / "plain"), HEADER, {})
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]
    assert read(tmp_path / "plain") == (HEADER, {})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device; nothing was written: .*file\.npz"):
        write_archive(saved, HEADER, {})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_file_is_replaced_as_a_whole_and_a_link_is_followed(saved: Path) -> None:
    link = saved.with_name("link.npz")
    link.symlink_to(saved)
    write_archive(link, HEADER, {})
    assert link.is_symlink()
    assert read(saved) == (HEADER, {})


@pytest.mark.parametrize(
    ("header", "arrays", "message"),
    [
        ({"version": 1}, {}, r"header\['format'\] = None; must be a name"),
        ({"format": "x"}, {}, r"header\['version'\] = None; must be a whole number from 1"),
        ({"format": "x", "version": True}, {}, r"header\['version'\] = True"),
        ({"format": "x", "version": 1, "arrays": []}, {}, r"'arrays'\] is written by eventsim itself"),
        ({"format": "x", "version": 1, "until": np.inf}, {}, "the header is not JSON"),
        ({"format": "x", "version": 1, "n": np.int64(3)}, {}, "put numpy values into the arrays"),
        (HEADER, {"o": np.array([None])}, "array 'o' holds Python objects; convert it"),
        (HEADER, {"header": np.zeros(1)}, "array name 'header'; must be printable, not 'header'"),
        (HEADER, {"a\\b": np.zeros(1)}, "without a backslash"),
        (HEADER, {"": np.zeros(1)}, "array name ''"),
        (HEADER, {"a\0b": np.zeros(1)}, "must be printable"),
        (HEADER, {7: np.zeros(1)}, "array name 7"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(tmp_path: Path, header: Any, arrays: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_archive(tmp_path / "file.npz", header, arrays)
    assert not list(tmp_path.iterdir())


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder .*absent' does not exist; create it"):
        write_archive(tmp_path / "absent" / "file.npz", HEADER, {})
    with pytest.raises(InputError, match="not a regular file; give the name of a file"):
        write_archive(tmp_path, HEADER, {})


def test_a_folder_that_takes_no_file_is_named_with_the_path_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(InputError, match=r"file\.npz: no file can be made in the folder .* \(Permission denied\)"):
        write_archive(tmp_path / "file.npz", HEADER, {})


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"absent\.npz: there is no such file; check the path"):
        read(tmp_path / "absent.npz")
    with pytest.raises(FileFormatError, match="this is a folder or a device; give the path of a file"):
        read(tmp_path)
    with pytest.raises(FileFormatError, match="truncated or damaged"):
        read(tmp_path / ("long" * 1000))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty; give a file that eventsim saved"),
        (b"\x80\x04K\x01.", "this is a pickle, which eventsim never loads, since loading one runs the code in it"),
        (b"\x89HDF\r\n\x1a\n", "this is an HDF5 file"),
        (npy("(1,)", data=bytes(8)), "this is a single .npy array"),
        (b"neuron,time\n", "this is not an .npz file"),
        (b"PK\x03\x04", "truncated or damaged"),
    ],
)
def test_other_kinds_of_file_are_refused_by_name(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "file.npz"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=message):
        read(path)


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    made = tmp_path / "made-by-a-pickle"
    code = b"\x80\x02cos\nmkdir\nX" + struct.pack("<I", len(str(made))) + str(made).encode() + b"\x85R."
    whole = tmp_path / "whole.npz"
    whole.write_bytes(code)
    for path, message in [
        (whole, "this is a pickle"),
        (zipped(tmp_path / "array.npz", {"a.npy": npy("(1,)", "'|O'", code)}), "'a.npy' holds pickled objects"),
        (zipped(tmp_path / "field.npz", {"a.npy": npy("(1,)", "[('x', '|O')]", code)}), "holds pickled objects"),
        (zipped(tmp_path / "torch.npz", {"archive/data.pkl": code}), "this zip holds a pickle"),
    ]:
        with pytest.raises(FileFormatError, match=message):
            read(path)
    assert not made.exists()
    np.load(whole, allow_pickle=True)
    assert made.exists(), "the trap is not armed"


def test_a_foreign_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "foreign.npz", weight=np.zeros(3))
    with pytest.raises(FileFormatError, match="there is no eventsim header in it"):
        read(tmp_path / "foreign.npz")
    with pytest.raises(FileFormatError, match=r"member 'notes\.txt' is not a \.npy array"):
        read(zipped(tmp_path / "text.npz", {"notes.txt": b"hello"}))
    with pytest.raises(FileFormatError, match="neither stored nor deflated"):
        read(zipped(tmp_path / "lzma.npz", {"a.npy": npy("(0,)")}, zipfile.ZIP_LZMA))
    with pytest.raises(FileFormatError, match=r"layout \(9, 0\); 1\.0 and 2\.0 are read"):
        read(zipped(tmp_path / "layout.npz", {"a.npy": b"\x93NUMPY\x09\x00"}))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (np.frombuffer(b"{not json", np.uint8), "the header is not JSON"),
        (np.frombuffer(b"\xff\xfe", np.uint8), "the header is not JSON"),
        (np.frombuffer(b"[" * 100_000, np.uint8), "the header is not JSON"),
        (np.frombuffer(b"[1, 2]", np.uint8), "the header lacks 'format' or 'version'"),
        (np.frombuffer(b'{"version": 1}', np.uint8), "the header lacks 'format' or 'version'"),
        (np.zeros(3), "the header is float64 of shape"),
        (header_bytes(format="eventsim-run"), "of format 'eventsim-run'; 'eventsim-test' is needed here"),
        (header_bytes(version=4), r"version 4 is newer than this release reads \(1 to 3\); upgrade eventsim"),
        (header_bytes(version="1"), "version '1' is not a whole number from 1"),
        (header_bytes(version=0), "version 0 is not a whole number from 1"),
        (header_bytes(arrays=7), "is not a list of names"),
        (header_bytes(arrays=["weight", "bias"]), "array 'bias' is missing"),
        (header_bytes(arrays=[]), "array 'weight' is not one that the header lists"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(tmp_path: Path, header: NDArray[Any], message: str) -> None:
    np.savez(tmp_path / "file.npz", header=header, weight=np.zeros(3))
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path / "file.npz")


def test_an_older_version_is_left_to_the_caller(tmp_path: Path) -> None:
    write_archive(tmp_path / "old.npz", HEADER | {"version": 1}, {})
    assert read(tmp_path / "old.npz")[0]["version"] == 1


@pytest.mark.parametrize(
    "member",
    [
        npy("(1000000000000,)", data=bytes(64)),
        npy("(1000000000000,)", "'<U0'"),
        npy("(0, -1)"),
        npy("(-1, -8)", data=bytes(64)),
        npy("(7,)", data=bytes(64)),
        npy("(9,)", data=bytes(64)),
        npy("(10000000000000000000000000,)", data=bytes(64)),
    ],
)
def test_false_claims_of_shape_are_refused_without_the_memory_they_claim(tmp_path: Path, member: bytes) -> None:
    path = zipped(tmp_path / "claim.npz", {"a.npy": member})
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"member 'a\.npy' claims shape"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_false_claims_of_size_are_refused_without_the_memory_they_claim(tmp_path: Path) -> None:
    path = zipped(tmp_path / "claim.npz", {"a.npy": npy("(1000,)", data=bytes(8000))}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    last_entry = data.rindex(b"PK\x01\x02")
    tracemalloc.start()
    try:
        for size, message in [(4_000_000_000, "claim to hold 4000"), (9_000, r"truncated|ends after|claims shape")]:
            data[last_entry + 24 : last_entry + 28] = struct.pack("<I", size)
            path.write_bytes(data)
            with pytest.raises(FileFormatError, match=message):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_small_file_that_inflates_to_a_huge_one_is_refused(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "bomb.npz", {"a.npy": npy("(10000000,)", data=bytes(80_000_000))}, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="bytes claim to hold 80"):
        read(bomb)


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "twice.npz", {"a.npy": npy("(0,)")})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.npy", npy("(0,)"))
    with pytest.raises(FileFormatError, match="two arrays have one name"):
        read(path)


def test_a_file_cut_anywhere_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for n_kept in range(len(whole)):
        saved.write_bytes(whole[:n_kept])
        with pytest.raises(FileFormatError):
            read(saved)


def test_a_file_with_any_byte_changed_is_refused_or_reads_the_same(saved: Path) -> None:
    whole = saved.read_bytes()
    n_refused = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= (0x01, 0x80, 0xFF)[place % 3]
        saved.write_bytes(damaged)
        try:
            header, arrays = read(saved)
        except FileFormatError:
            n_refused += 1
        else:
            assert header == HEADER
            assert all(same_bits(arrays[name], ARRAYS[name]) for name in ARRAYS | arrays)
    assert n_refused > len(whole) / 2


@given(st.binary(max_size=400), st.integers(0, 2_000))
def test_bytes_written_over_a_file_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, patch: bytes, place: int
) -> None:
    path = tmp_path_factory.mktemp("patched") / "file.npz"
    write_archive(path, HEADER, ARRAYS)
    whole = bytearray(path.read_bytes())
    place %= len(whole)
    whole[place : place + len(patch)] = patch
    path.write_bytes(whole)
    try:
        header, arrays = read(path)
    except FileFormatError:
        return
    assert header == HEADER
    assert all(same_bits(arrays[name], ARRAYS[name]) for name in ARRAYS | arrays)
