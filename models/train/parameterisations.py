"""The parameterisations by their names: "b1", "alpha1", "relu", and with other numbers "b0.5", "alpha2".

Relies on each of them. Used wherever a user names one.
"""

import math
import re
from typing import Any

from eventsim.checks import shown
from eventsim.errors import NetworkError, nearest
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.parameterisation import Parameterisation
from eventsim.models.train.relu_twin import ReluTwin

USUAL = ("b1", "alpha1", "relu")
_NAMED = re.compile(r"(b|alpha)(\d+(?:\.\d*)?(?:e-?\d+)?)", re.ASCII)


def parameterisation(slope: Any) -> Parameterisation:
    """Return the parameterisation of a name, or what is one already.

    Raises
    ------
    NetworkError
        It is none: the message says what there is.
    """
    if not isinstance(slope, str):
        if all(hasattr(slope, name) for name in ("fire", "fire_back", "from_relu", "to_relu", "sign", "name")):
            found: Parameterisation = slope
            return found
    elif slope == "relu":
        return ReluTwin()
    elif (named := _NAMED.fullmatch(slope)) and 0 < (number := float(named[2])) < math.inf:
        return ConstantSlope(number) if named[1] == "b" else AlphaSlope(number)
    hint = nearest(slope, USUAL) if isinstance(slope, str) else ""
    raise NetworkError(
        f"slope = {shown(slope)}{hint}; must be 'b1', 'alpha1' (or with another number > 0, as 'b0.5'), or 'relu' for "
        "the network of values"
    )
