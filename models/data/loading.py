"""Data by name or file: one function that finds the files, reads them, and says what to do where there are none.

Relies on the catalogue and the readers. Used by the command line, by trainers and by examples.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eventsim import checks
from eventsim.errors import FileFormatError, InputError, listed, nearest
from eventsim.files.output import path_of
from eventsim.models.data.catalogue import CATALOGUE, LAYOUTS, Entry
from eventsim.models.data.held_out import SHARE, split
from eventsim.models.data.labelled_values import DataSet, Parts
from eventsim.models.data.layout import Layout
from eventsim.models.data.npz import OPTIONS, read_npz

VARIABLE = "EVENTSIM_DATA"


def load(
    source: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    held_out: float | None = None,
    seed: int | None = None,
    sizes: tuple[int, int] | None = None,
    labels: str | None = None,
    variant: str | None = None,
) -> DataSet:
    """Return a data set by its name, or from a file or folder. Nothing is ever fetched.

    Images stay the bytes that their files have until ``values`` or ``batches`` of a part take them.

    Parameters
    ----------
    source
        A name: "digits", "yin-yang", "mnist-5k", "mnist", "fashion-mnist", "cifar-10", "cifar-100", "places365"
        (docs/reference/data-sets.md). Otherwise the path of an .npz file with x and y, or of a folder with the files of
        one of these data sets, or with other IDX files. A name comes first: write "./mnist" for a folder.
    folder
        Where the files of a name are, or the folder in which the commands were run that fetch them. Without it, they
        are looked for in the folder that the environment variable EVENTSIM_DATA names, and among installed packages.
    held_out
        Share of each class to test with, of data without a test part of their own: 0.2 unless given; 0 for none.
    seed
        Of what is held out, 0 unless given; of "yin-yang", 42, whose test part has 40 (and any other s has s - 2).
    sizes
        Points to train on and to test with, of "yin-yang": (5000, 1000).
    labels
        "fine" or "coarse", of "cifar-100".
    variant
        "standard" or "challenge", of "places365".

    Raises
    ------
    InputError
        No such name, or an option that the data do not have.
    FileFormatError
        The files are not there (the message has the commands that fetch them), or damaged, truncated, of other sizes
        than they claim, or of another data set.

    Examples
    --------
    >>> load("digits")
    DataSet(digits: 1,397 to train on, 400 to test with, of shape 1x8x8, 10 classes, from eventsim)
    """
    given = {"held_out": held_out, "seed": seed, "sizes": sizes, "labels": labels, "variant": variant}
    options = {name: value for name, value in given.items() if value is not None}
    entry = CATALOGUE.get(source) if isinstance(source, str) else None
    if entry is not None and entry.make is not None:
        _check_options(entry.name, options, entry.options)
        if folder is not None:
            raise InputError(f"load: folder = {checks.shown(folder)}; must be left out, {entry.name} has no files.")
        return _data_set(entry.name, entry.make(options), options, "eventsim", entry)
    if entry is not None:
        layout, place = _found(entry, folder)
        return _from_folder(entry.name, layout, place, options, entry)
    if folder is not None:
        raise InputError(
            f"load: {checks.shown(source)}{nearest(source, CATALOGUE)} with a folder; must be one of "
            f"{', '.join(CATALOGUE)}. Give such a name, or the path alone."
        )
    return _from_path(source, options)


def _from_path(source: str | os.PathLike[str], options: Mapping[str, Any]) -> DataSet:
    """A file of arrays, or a folder whose files tell what it is."""
    path = path_of("load", source)
    if _is_folder(path):
        whole = [layout for layout in LAYOUTS if layout.is_whole(path)]
        begun = whole or [layout for layout in LAYOUTS if layout.n_there(path) > 1]
        if not begun:
            raise FileFormatError(
                f"{path}: there are no files of a data set in this folder; must be those of one of: "
                f"{'; '.join(layout.described() for layout in LAYOUTS)}. Give the folder that holds them itself"
            )
        owners = [entry for entry in CATALOGUE.values() if begun[0] in entry.layouts]
        return _from_folder("", begun[0], path, options, owners[0] if len(owners) == 1 else None)
    if path.suffix == ".npz" and path.exists():
        parts = read_npz(path)
        has_test = parts.test is not None
        place = f"{path}, which has a test part of its own" if has_test else str(path)
        _check_options(place, options, () if has_test else OPTIONS)
        return _data_set(path.name, parts, options, str(path), None)
    if path.exists():
        raise FileFormatError(
            f"{path}: this is no .npz file; must be one, with x and y, or a folder. Give the folder that the files "
            "of a data set are in, or save arrays with numpy.savez"
        )
    is_name = len(path.parts) == 1 and not path.suffix
    raise InputError(
        f"load: {checks.shown(str(source))}{nearest(str(source), CATALOGUE)}; there is no such "
        f"{'data set, file or folder' if is_name else 'file or folder'}; must be one of {', '.join(CATALOGUE)}, or the "
        "path of an .npz file or a folder. Check it."
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # too long a name
        raise InputError(
            f"load: {checks.shown(str(path))} cannot be looked for ({error.strerror}); must be a name or a path. Check "
            "it."
        ) from error


def _from_folder(name: str, layout: Layout, place: Path, options: Mapping[str, Any], entry: Entry | None) -> DataSet:
    _check_options(name or str(place), options, layout.options)
    parts = layout.read(place, name, options)
    return _data_set(name or place.name, parts, options, f"{place} ({layout.title})", entry)


def _found(entry: Entry, folder: str | os.PathLike[str] | None) -> tuple[Layout, Path]:
    """The layout of a data set that is there, whole if any is, and where; FileFormatError with the commands if none."""
    roots = [path_of("load", folder)] if folder is not None else []
    if folder is None and os.environ.get(VARIABLE):
        roots.append(Path(os.environ[VARIABLE]))
    places = [root / inner for root in roots if _is_folder(root) for inner in entry.inside]
    installed = entry.installed() if folder is None else None
    places += [installed] if installed else []
    there = [(layout, place) for place in places for layout in entry.layouts if layout.n_there(place)]
    there.sort(key=lambda one: not one[0].is_whole(one[1]))
    if there:
        return there[0]
    looked = [str(one) for one in (*roots, *([installed] if installed else []))]
    raise FileFormatError(
        f"load: no files of {entry.name} in {listed(looked) or 'any folder, since none is given'}; must be "
        f"{' or '.join(layout.described() for layout in entry.layouts)}. Fetch them, in a folder of yours, with\n"
        f"    {entry.fetch}\nand {entry.then}"
    )


def _check_options(name: str, options: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for option, value in options.items():
        if option not in allowed:
            raise InputError(
                f"load: {option} = {checks.shown(value)} is no option of {name}; must be {listed(allowed) or 'none'}. "
                "Leave it out."
            )


def _data_set(name: str, parts: Parts, options: Mapping[str, Any], source: str, entry: Entry | None) -> DataSet:
    """Both parts; where there is no test part, a share of each class."""
    train, test = parts.train, parts.test
    if test is None:
        chosen, held = split(train.labels, options.get("held_out", SHARE), options.get("seed", 0))
        train, test = train.part(chosen), train.part(held)
    credit = f"{entry.credit}; licence: {entry.licence}" if entry else ""
    return DataSet(name, train, test, parts.classes, train.shape, source, credit)
