"""Networks and data that a function makes: needed where the making itself is a knob, as windows and margins are.

Relies on nothing of a study. A recipe is a function of settings, or its name "package.module:function", which is looked
up where it is needed: in each worker, and never before. Used by `setup`.
"""

import hashlib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from eventsim.checks import shown
from eventsim.errors import InputError, listed, nearest

Recipe = str | Callable[..., Any]
FORM = "Give 'package.module:function', or the function."


def is_recipe(given: Any) -> bool:
    """Is it a function, or the name of one?"""
    return isinstance(given, str) or (callable(given) and not isinstance(given, type))


def found(where: str, given: Recipe) -> Callable[..., Any]:
    """Return the function that a recipe is.

    Raises
    ------
    InputError
        A name that is none, a module that cannot be imported, a function that it does not have.
    """
    if not isinstance(given, str):
        return given
    module_name, colon, name = given.partition(":")
    if not colon or not module_name or not name:
        raise InputError(f"{where}: recipe = {shown(given)}; must name a function of a module. {FORM}")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever its code does
        raise InputError(
            f"{where}: recipe = {shown(given)}: the module cannot be imported ({type(error).__name__}: {error}); must "
            "be one of this Python. Check its name, and that it is on the path."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        functions = [one for one, value in vars(module).items() if inspect.isfunction(value)]
        raise InputError(
            f"{where}: recipe = {shown(given)}: {module_name} has no function {name!r}{nearest(name, functions)}; must "
            f"be one of {listed(functions) or 'none'}. {FORM}"
        )
    return function


def settings_of(function: Callable[..., Any]) -> dict[str, bool] | None:
    """The settings that a function takes by name, and whether they must be given; None where it takes any."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        raise InputError(
            f"study: recipe {shown(function)} does not say what it takes; must be a function of Python. {FORM}"
        ) from None
    positional = [one.name for one in parameters if one.kind is one.POSITIONAL_ONLY]
    if positional:
        raise InputError(
            f"study: recipe {shown(function)} takes {listed(positional)} by place; must take settings by name. {FORM}"
        )
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    by_name = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    return {one.name: one.default is one.empty for one in by_name}


def described(where: str, given: Recipe) -> str:
    """What a study's hash holds of a recipe: its name, and a digest of the text of the function."""
    function = found(where, given)
    name = given if isinstance(given, str) else f"{function.__module__}:{function.__qualname__}"
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):  # typed in by hand, or compiled
        text = ""
    return f"{name} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def check_picklable(where: str, given: Recipe) -> None:
    """Refuse a function that another process could not find: a lambda, or one inside another function."""
    name = getattr(given, "__qualname__", "")
    if not isinstance(given, str) and ("<lambda>" in name or "<locals>" in name):
        raise InputError(
            f"{where}: recipe = {name}; must be a function that a worker can import by its name. Define it at the top "
            "of a module."
        )
