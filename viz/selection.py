"""What part of a run a figure shows: samples, neurons, a stretch of time, and what it is called.

Relies on the checks. Used by the figures of runs and reports, so that the same argument means the same in all.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eventsim.checks import indices, reals, shown
from eventsim.errors import InputError, listed, nearest
from eventsim.run.run import Run
from eventsim.viz.layers import Array, Layer, check_sample

Stretch = tuple[float, float]


def chosen_indices(where: str, name: str, values: Any, size: int, remedy: str) -> Array:
    """Return indices in 0..size - 1 in the order given: as `indices` takes them; none twice.

    Raises
    ------
    InputError
        None at all, one outside, one twice, no integers.
    """
    array = indices(where, name, values, size, remedy)
    different, counts = np.unique(array, return_counts=True)
    if different.size < array.size:
        raise InputError(
            f"{where}: {name} holds {different[np.argmax(counts)]} twice; must be different ones. Leave one out."
        )
    return array


def chosen_samples(where: str, run: Run, sample: int, samples: Any) -> list[int]:
    """Return the samples to show, in the order given: `samples`, or `sample` alone where that is None."""
    check_sample(where, run, sample)
    if samples is None:
        return [int(sample)]
    if sample != 0:
        raise InputError(
            f"{where}: sample = {sample} and samples = {shown(samples)}; must be one of the two. Leave sample out."
        )
    remedy = f"This run has samples 0..{run.n_samples - 1}; give indices or a slice."
    return chosen_indices(where, "samples", samples, run.n_samples, remedy).tolist()


def chosen_neurons(where: str, neurons: Any, chosen: Sequence[Layer]) -> list[Array]:
    """Return for each layer which neurons to show, in the order given; all where nothing is said about it.

    `neurons` is a dict by the names of layers or, of a single layer, its indices or a slice.

    Raises
    ------
    InputError
        A name that is not drawn, indices for several layers, neurons that a layer does not have.
    """
    names = [layer.name for layer in chosen]
    if neurons is not None and not isinstance(neurons, Mapping):
        if len(chosen) != 1:
            raise InputError(
                f"{where}: neurons = {shown(neurons)}, but {len(chosen)} populations are drawn; must be a dict from "
                f"names to indices. Give {{{names[-1]!r}: …}}, or choose one with populations=."
            )
        neurons = {names[0]: neurons}
    wanted: Mapping[Any, Any] = neurons or {}
    for name in wanted:
        if name not in names:
            close = nearest(name, names) if isinstance(name, str) else ""
            raise InputError(
                f"{where}: neurons names {shown(name)}{close}; must be among {listed(names)}, which are drawn. Correct "
                "the name, or draw it with populations=."
            )
    remedy = "Give indices or a slice."
    return [
        chosen_indices(where, f"neurons[{layer.name!r}]", wanted[layer.name], layer.size, remedy)
        if layer.name in wanted
        else np.arange(layer.size)
        for layer in chosen
    ]


def checked_stretch(where: str, time: Any) -> Stretch | None:
    """Return the stretch [begin, end) of time that is to be shown, in the run's unit; None is all.

    Raises
    ------
    InputError
        Not two finite numbers of which the second is larger.
    """
    if time is None:
        return None
    ends = reals(time)
    if len(ends) == 2 and all(map(math.isfinite, ends)) and float(ends[0]) < float(ends[1]):
        return float(ends[0]), float(ends[1])
    raise InputError(
        f"{where}: time = {shown(time)}; must be two finite numbers (begin, end), begin < end, in the unit of the run. "
        "Leave it out to show all."
    )


def panel_titles(where: str, title: Any, n_panels: int) -> list[str | None]:
    """Return a title for each panel: None where the figure's own shall stand, "" where none.

    `title` is None or "" for all panels, a string for one, or a list with one a panel.

    Raises
    ------
    InputError
        No strings, or not as many as panels.
    """
    several = [title] * n_panels if title is None or title == "" else [title]
    if isinstance(title, Iterable) and not isinstance(title, str):
        several = list(title)
    if any(one is not None and not isinstance(one, str) for one in several):
        raise InputError(
            f'{where}: title = {shown(title)}; must be a string. Give "" for none, or leave it out for the usual one.'
        )
    if len(several) != n_panels:
        raise InputError(
            f"{where}: title = {shown(title)}, but there are {n_panels} panels; must be a list with a title for each. "
            "Name all of them in one with figure.suptitle."
        )
    return several
