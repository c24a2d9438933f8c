"""Environment variables that are settings: what they may be, and one warning where one is anything else.

Relies on the errors. Used where modules are imported that a setting changes, so that each is read once.
"""

import os
import warnings
from collections.abc import Sequence

from eventsim.errors import nearest


def names_folder(value: str) -> bool:
    """Is it a folder, which has a separator in its name?"""
    return os.sep in value or (os.altsep or os.sep) in value


def setting(name: str, allowed: Sequence[str], *, folder: bool = False) -> str:
    """Return the value of an environment variable; where it is not set, or to nothing, the first that is allowed.

    What is not allowed is taken as the first, too, and a warning says so. Where `folder`, a folder is allowed, with a
    separator in its name.
    """
    value = os.environ.get(name) or allowed[0]
    if value in allowed or (folder and names_folder(value)):
        return value
    also = ", or a folder with a separator in its name, such as ./loops" if folder else ""
    warnings.warn(
        f"eventsim: the environment variable {name} = {value!r:.80}{nearest(value, allowed)}; must be "
        f"{' or '.join(allowed)}{also}. It is taken as {allowed[0]}; set it to what you meant, or unset it.",
        RuntimeWarning,
        stacklevel=2,
    )
    return allowed[0]
