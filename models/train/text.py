"""The text form of how a network is trained: optimizers, schedules, losses, rules of windows, first weights, the judge.

As a table of a file it is ``{"rule": "sgd", "momentum": 0.9}``, as a word ``sgd:momentum=0.9``. Relies on what it
names. Used by plans.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from eventsim.checks import shown
from eventsim.errors import InputError, listed, nearest
from eventsim.kinds import add_settings, with_tuples
from eventsim.models.train.first_spike_losses import EarliestWins, TargetTimes
from eventsim.models.train.initialise import RULES
from eventsim.models.train.judge import Judge
from eventsim.models.train.losses import CrossEntropy, MeanSquare
from eventsim.models.train.optimizers import SGD, Adam
from eventsim.models.train.schedules import Constant, Cosine, Steps
from eventsim.models.train.windows import Certified, Growth, Quantile

RULE = "rule"
EXAMPLES = {
    "optimizer": "sgd:momentum=0.9",
    "schedule": "cosine:epochs=10",
    "loss": "first_spike:tau=0.2",
    "windows": "quantile:q=0.99",
    "initial": "he_normal:start=naive",
    "judge": "events:samples=64",
}


def _drawn(rule: str, start: str = "smart", seed: int | None = None) -> dict[str, Any]:
    """The arguments of `initialise`; without a seed, that of the plan."""
    return {"rule": rule, "start": start, "seed": seed}


def _nobody() -> None:
    """No judge."""


CHOICES: dict[str, dict[str, Callable[..., Any]]] = {
    "optimizer": {"adam": Adam, "adamw": functools.partial(Adam, decoupled=True), "sgd": SGD},
    "schedule": {"constant": Constant, "steps": Steps, "cosine": Cosine},
    "loss": {
        "cross_entropy": CrossEntropy,
        "mean_square": MeanSquare,
        "first_spike": EarliestWins,
        "target_times": TargetTimes,
    },
    "windows": {"growth": Growth, "quantile": Quantile, "certified": Certified},
    "initial": {rule: functools.partial(_drawn, rule) for rule in RULES},
    "judge": {"events": Judge, "none": _nobody},
}


def made(key: str, given: Any, where: str = "plan") -> Any:
    """Return what a text form stands for.

    Parameters
    ----------
    key
        What it is of, one of `CHOICES`.
    given
        A name, a word ``name:setting=value,…``, or a mapping with the name under "rule" and the settings.
    where
        Who asks, for messages.

    Raises
    ------
    InputError
        Unknown names or settings, with the nearest known one; settings that are refused.

    Examples
    --------
    >>> made("optimizer", "sgd:momentum=0.9")
    SGD(rate=0.01, momentum=0.9, weight_decay=0.0, nesterov=False)
    >>> made("windows", {"rule": "quantile", "q": 0.99}).q
    0.99
    """
    form, known = table_form(key, given, where), CHOICES[key]
    name = form.pop(RULE, None)
    if not isinstance(name, str) or name not in known:
        close = nearest(name, known) if isinstance(name, str) else ""
        raise InputError(
            f"{where}: {key} = {shown(name)}{close}; must be one of {listed(known)}. Write {key} = "
            f'"{EXAMPLES[key]}", or a table with rule = "{next(iter(known))}".'
        )
    allowed = settings_of(known[name])
    for setting in form:
        if setting not in allowed:
            raise InputError(
                f"{where}: {key}: {name}: unknown setting {setting!r}{nearest(setting, allowed)}; it takes "
                f"{listed(allowed) or 'none'}. Choose among these."
            )
    missing = [setting for setting, needed in allowed.items() if needed and setting not in form]
    if missing:
        raise InputError(f"{where}: {key}: {name}: {listed(missing)} missing; must be given. Add {missing[0]} = ….")
    return known[name](**{setting: with_tuples(value) for setting, value in form.items()})


def table_form(key: str, given: Any, where: str = "plan") -> dict[str, Any]:
    """Return a text form as a table, with the name under "rule"; a word is read.

    Raises
    ------
    InputError
        Neither a word nor a mapping; a word whose settings are none.
    """
    if isinstance(given, Mapping):
        return {str(setting): value for setting, value in given.items()}
    if not isinstance(given, str):
        raise InputError(
            f"{where}: {key} = {shown(given)}; must be a name, a name with settings, or a table. Write {key} = "
            f'"{EXAMPLES[key]}".'
        )
    name, _, rest = given.partition(":")
    found: dict[str, Any] = {RULE: name.strip()}
    add_settings(found, rest, f"{where}: {key} = {shown(given)}", EXAMPLES[key], InputError)
    return found


def settings_of(kind: Callable[..., Any]) -> dict[str, bool]:
    """Return the settings of a choice by name, and whether they must be given."""
    fixed = kind.keywords if isinstance(kind, functools.partial) else {}
    if inspect.isclass(kind) and "__init__" not in vars(kind):
        return {}
    return {
        one.name: one.default is one.empty
        for one in inspect.signature(kind).parameters.values()
        if one.name not in fixed
    }
