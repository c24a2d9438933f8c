"""Places365 in its published form of small images: lists of file names with labels, and folders of JPEG files.

The lists are read at once, a picture only when its values are taken: 1.8 million of 256 × 256 pixels fill no memory.
B. Zhou, A. Lapedriza, A. Khosla, A. Oliva, A. Torralba, "Places: a 10 million image database for scene recognition",
IEEE TPAMI 2017.

Relies on Pillow (extra `images`) for the pictures. Used by the catalogue.
"""

import io
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import checks
from eventsim.errors import FileFormatError
from eventsim.extras import package
from eventsim.models.data.file_content import REMEDY, content, file_of
from eventsim.models.data.labelled_values import Parts, labelled
from eventsim.models.data.layout import Layout

Array = np.ndarray[Any, Any]
VARIANTS = ("standard", "challenge")
SIDE = 256
CATEGORIES = "categories_places365.txt"
LISTS = {"standard": "places365_train_standard.txt", "challenge": "places365_train_challenge.txt"}
TEST_LIST, TEST_FOLDER = "places365_val.txt", "val_256"
TRAINING_FOLDERS = {"standard": ("data_256_standard", "data_256"), "challenge": ("data_256_challenge", "data_256")}
LINE = re.compile(rb"/?(?P<name>[\w.\-]+(?:/[\w.\-]+)*) (?P<number>[0-9]{1,4})\r?")
LONGEST_NAME = 255


@dataclass(frozen=True, eq=False)
class Pictures:
    """JPEG files of a folder that are opened when they are taken, as an array (n, 3, 256, 256) of bytes.

    Attributes
    ----------
    folder
        Where they lie.
    names
        Their paths in it, as bytes, array (n,).
    """

    folder: Path
    names: NDArray[np.bytes_]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pictures, and the shape of one."""
        return len(self.names), 3, SIDE, SIDE

    def __getitem__(self, chosen: Any, /) -> Array:
        """Return the pictures at these places, read now."""
        names = self.names[chosen]
        found = np.empty((len(names), *self.shape[1:]), np.uint8)
        for k, name in enumerate(names.tolist()):
            found[k] = picture(self.folder / name.decode("ascii"))
        return found


def picture(path: Path) -> NDArray[np.uint8]:
    """Return one picture, (3, 256, 256); a grey one has three equal channels.

    Raises
    ------
    FileFormatError
        No such file, no JPEG file, a damaged one, or one of another size, which is seen before it is unpacked.
    InputError
        Pillow is not installed.
    """
    package("PIL", "load('places365')")
    from PIL import Image

    file_of(path.parent, (path.name,))
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            if image.size != (SIDE, SIDE):
                raise FileFormatError(
                    f"{path}: a picture of {image.size[0]} × {image.size[1]}; must be {SIDE} × {SIDE}, as the small "
                    "images are published. Fetch these"
                )
            return np.asarray(image.convert("RGB"), np.uint8).transpose(2, 0, 1)
    except FileFormatError:
        raise
    except (
        OSError, ValueError, SyntaxError, ArithmeticError, LookupError, Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:  # fmt: skip
        raise FileFormatError(f"{path}: this is no JPEG file, or it is damaged ({error}); {REMEDY}") from error


def read_list(path: Path) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
    """Return the names (n,) and numbers (n,) of a list, a name and a number a line; a name leads to no other folder.

    Raises
    ------
    FileFormatError
        No such file, or a line of another form.
    """
    names, numbers = [], array("q")
    for k, ended in enumerate(io.BytesIO(content(path))):  # line by line: a list of all takes a gigabyte
        line = ended.removesuffix(b"\n")
        found = LINE.fullmatch(line)
        if found is None or len(found["name"]) > LONGEST_NAME or b".." in found["name"].split(b"/"):
            raise FileFormatError(
                f"{path}: line {k + 1} is {checks.shown(line)}; must be the path of a picture in its folder, a space "
                f"and the number of its class. {REMEDY}"
            )
        names.append(found["name"])
        numbers.append(int(found["number"]))
    return np.array(names, np.bytes_), np.array(numbers, np.int64)


def _classes(path: Path) -> tuple[str, ...]:
    names, numbers = read_list(path)
    if not np.array_equal(np.sort(numbers), np.arange(len(numbers))):
        raise FileFormatError(f"{path}: its classes are not numbered 0, 1, 2, …; must be, each once. {REMEDY}")
    found = {int(number): name.decode("ascii") for number, name in zip(numbers, names.tolist(), strict=True)}
    return tuple(found[number] for number in range(len(found)))


def _pictures(folder: Path, inner: tuple[str, ...], names: NDArray[np.bytes_]) -> Pictures:
    for name in inner:
        if (folder / name).is_dir():
            return Pictures(folder / name, names)
    raise FileFormatError(
        f"{folder}: there is no folder {' or '.join(inner)} with the pictures in it; must be beside the lists. "
        "Unpack them there"
    )


def _read(folder: Path, _name: str, options: Mapping[str, Any]) -> Parts:
    variant = checks.choice("load", "variant", options.get("variant", VARIANTS[0]), VARIANTS)
    parts = []
    for list_name, inner in ((LISTS[variant], TRAINING_FOLDERS[variant]), (TEST_LIST, (TEST_FOLDER,))):
        path = file_of(folder, (list_name,))
        names, labels = read_list(path)
        parts.append(labelled(str(path), _pictures(folder, inner, names), labels, 255.0))
    return Parts(parts[0], parts[1], _classes(file_of(folder, (CATEGORIES,))))


LAYOUT = Layout(
    "Places365, small images",
    ((CATEGORIES,), tuple(LISTS.values()), (TEST_LIST,)),
    _read,
    ("variant",),
)
