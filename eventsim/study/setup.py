"""What a study runs: network or recipe, data, faults, transport, options; all that its points have in common.

Relies on the text forms of faults and on recipes. It is sent to each worker once, and its parts have digests, so that a
file of another study is told apart. Used by `Study`, and by `bench`, which runs it.
"""

import copy
import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim import __version__
from eventsim._jit import fingerprint
from eventsim.checks import flag, shown
from eventsim.errors import FaultError, InputError
from eventsim.faults.contract import Fault
from eventsim.faults.text import TOLD, kinds, read, word_form
from eventsim.network.network import Network
from eventsim.network.sources import SpikeTimes
from eventsim.study.knobs import transport_kinds
from eventsim.study.point import digest, plain, plain_settings
from eventsim.study.recipe import Recipe, check_picklable, described, is_recipe

Array = np.ndarray[Any, Any]
# What of `simulate` a study may set; what a point decides, or a worker, is not among them.
LARGEST_CLASS = 2**31 - 1
OPTIONS = ("engine", "until", "clip", "max_events", "max_time", "stop", "trials")


@dataclass(frozen=True, eq=False)
class Setup:
    """All that the points of a study have in common.

    Attributes
    ----------
    network
        A network, or a recipe for one.
    settings
        Those of the recipe.
    x, labels
        The data, and the right decision for each sample, array (n_samples,); None where there is none.
    faults
        Text forms, in which a setting may be missing that a knob gives.
    fault_classes
        Of faults that were given as values, so that a worker imports them.
    transport
        A text form, or None.
    options
        Of `simulate`.
    output
        The population whose earliest spike decides; None: the read-out does.
    times
        Whether spike times are held against those of the ideal run.
    """

    network: Network | Recipe
    settings: dict[str, Any]
    x: Any
    labels: Array | None
    faults: tuple[dict[str, Any], ...]
    fault_classes: tuple[type, ...]
    transport: dict[str, Any] | None
    options: dict[str, Any]
    output: str | None
    times: bool
    _parts: dict[str, str] = field(default_factory=dict, repr=False)

    def parts(self) -> dict[str, str]:
        """What makes it this setup and no other: a digest or a text by what messages call it."""
        if not self._parts:
            # Of a recipe the text alone: a `Study` adds the networks that it makes.
            network = self.network.hash() if isinstance(self.network, Network) else described("study", self.network)
            self._parts.update(
                {
                    "network": network,
                    "settings of the network": digest(self.settings),
                    "data": data_digest(self.x),
                    "labels": data_digest(self.labels),
                    "faults": digest(self.faults),
                    "transport": digest(self.transport),
                    "options": digest([self.options, self.output, self.times]),
                    "version of eventsim": f"{__version__} {fingerprint():016x}",
                }
            )
        return self._parts


def data_digest(x: Any) -> str:
    """Return the SHA-256 (64 hex digits) of data, whatever form they have."""
    sha = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, SpikeTimes):
            sha.update(b"times")
            add(part.times)
        elif isinstance(part, Mapping):
            for name in sorted(part):
                sha.update(f"\x1e{name}".encode())
                add(part[name])
        elif isinstance(part, np.ndarray) and part.dtype != object:
            sha.update(f"\x1f{part.dtype.str}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        elif dataclasses.is_dataclass(part) and not isinstance(part, type):
            for one in dataclasses.fields(part):
                add(getattr(part, one.name))
        elif isinstance(part, list | tuple | np.ndarray):
            sha.update(f"\x1d{len(part)}".encode())
            for one in part:
                add(one)
        else:
            sha.update(f"\x1f{part!r}".encode())

    add(x)
    return sha.hexdigest()


def checked_setup(
    network: Any, x: Any, labels: Any, faults: Any, transport: Any, settings: Any, output: Any, times: Any,
    options: Mapping[str, Any],
) -> Setup:  # fmt: skip
    """Return the setup of a study, each part checked by itself; whether they go together is seen with the knobs.

    Raises
    ------
    InputError, FaultError
        Names the argument, what is allowed, and what to do.
    """
    if not isinstance(network, Network) and not is_recipe(network):
        raise InputError(
            f"study: network is a {type(network).__name__}; must be an eventsim.Network, or a recipe for one. Convert "
            "it first, or give 'package.module:function'."
        )
    settings = plain_settings("study: settings", settings or {})
    if isinstance(network, Network):
        if settings:
            raise InputError(
                "study: settings are those of a recipe, but network is a Network; must be given with a recipe. Leave "
                "them out."
            )
        network.hash()
    else:
        check_picklable("study", network)
    if labels is not None:
        try:
            labels = np.asarray(labels)
        except ValueError as error:
            raise InputError(
                f"study: labels: {error}; must be an array. Give the right class of each sample."
            ) from None
        if labels.ndim not in (1, 2) or labels.dtype.kind not in "iub":
            raise InputError(
                f"study: labels of shape {labels.shape} and type {labels.dtype}; must be whole numbers (n_samples,) or "
                "(n_samples, n_out) where each output decides by its sign. Give the right class of each sample."
            )
        if labels.size and int(labels.max()) > LARGEST_CLASS:
            raise InputError(
                f"study: labels up to {labels.max()}; must be classes of the network's outputs. Number them from 0."
            )
        labels = labels.astype(np.int64)
    if output is not None and not isinstance(output, str):
        raise InputError(
            f"study: output = {shown(output)}; must be the name of the population whose first spike decides, or None. "
            "Leave it out where there is a read-out."
        )
    times = flag("study", "times", times)
    forms, classes = fault_forms(faults)
    given = settled("study", {name: value for name, value in options.items() if name != "stop"})
    if (stop := options.get("stop")) is not None:
        given["stop"] = settled("study: stop", stop) if isinstance(stop, Mapping) else stop
    return Setup(
        network, settings, copy.deepcopy(x), labels, forms, classes, transport_form(transport), given, output, times
    )  # fmt: skip


def fault_forms(given: Any) -> tuple[tuple[dict[str, Any], ...], tuple[type, ...]]:
    """Return the text forms of faults, and the classes of those that are values; a preset stays a preset."""
    listed = list(given) if isinstance(given, list | tuple) else [given]
    forms, classes = [], []
    for one in listed:
        if isinstance(one, Fault):
            told = one.describe()
            form = {name: value for name, value in told.items() if name == "fault" or name not in TOLD}
            classes.append(type(one))
        elif isinstance(one, str):
            form = word_form(one, "study")
        elif isinstance(one, Mapping) and ("preset" in one or "fault" in one):
            form = {str(name): value for name, value in one.items()}
        else:
            raise FaultError(
                f"study: faults: {shown(one)}; must be a fault, its text form, or the name of a preset. Give e.g. "
                '{"fault": "jitter", "sigma": 0.01}, or "jitter:sigma=0.01".'
            )
        if "preset" in form:
            read({"preset": form["preset"]})  # which refuses an unknown one, with the nearest name
        elif form["fault"] not in kinds():
            read(form)
        forms.append(settled(f"study: {form.get('preset', form.get('fault'))}", form))
    return tuple(forms), tuple(classes)


def settled(where: str, settings: Mapping[Any, Any]) -> dict[str, Any]:
    """Return settings as a hash takes them: equal numbers as one, whatever type they were given in."""
    return {
        str(name): settled(f"{where}: {name}", value)
        if isinstance(value, Mapping)
        else plain(where, str(name), value, infinite=True)
        for name, value in settings.items()
    }


def transport_form(given: Any) -> dict[str, Any] | None:
    """Return the text form of a transport."""
    if given is None:
        return None
    named = given.get("transport") if isinstance(given, Mapping) else None
    known = transport_kinds(named)
    if type(given) in known.values():
        return settled("study: transport", given.describe())
    if isinstance(given, Mapping) and isinstance(named, str) and named in known:
        return settled("study: transport", known[named].kept(given))
    raise FaultError(
        f"study: transport = {shown(given)}; must be a transport, its text form, or None. Give e.g. "
        '{"transport": "aer_bus", "service_time": 0.001}, or {"transport": "chip", "chip": "mesh"}.'
    )
