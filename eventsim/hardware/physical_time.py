"""Physical time: seconds of a chip in the unit of a network, and back.

Relies on `Network.time_unit`. Used where a chip and a network meet. Both numbers are taken as the decimals that they
are written as, so that 5 ns in a unit of 1 ms is 5e-06, rounded once.
"""

from fractions import Fraction

from eventsim.checks import number
from eventsim.errors import InputError
from eventsim.hardware.quantities import decimal, held
from eventsim.network.network import Network
from eventsim.network.replacement import rebuild


def in_units(net: Network, seconds: float | Fraction) -> float:
    """Return a time in seconds as a number of the network's units of time.

    Raises
    ------
    InputError
        The network has no `time_unit`; seconds that are negative or not finite; a number that float64 does not hold.

    Examples
    --------
    >>> in_units(Network(time_unit=1e-3), 5e-9)
    5e-06
    """
    given = number("in_units", "seconds", seconds, low=0)
    return _held("in_units", f"{float(given):g} s", net, decimal(given) / decimal(time_unit(net)))


def in_seconds(net: Network, time: float) -> float:
    """Return a time of the network in seconds.

    Raises
    ------
    InputError
        The network has no `time_unit`; a time that is not finite; seconds that float64 does not hold.
    """
    given = number("in_seconds", "time", time)
    return _held("in_seconds", f"a time of {float(given):g}", net, decimal(given) * decimal(time_unit(net)))


def time_unit(net: Network) -> float:
    """Return how many seconds a unit of time of the network is.

    Raises
    ------
    InputError
        It was not given.
    """
    if net.time_unit is None:
        raise InputError(
            "hardware: the network's time_unit is None; must be the seconds of a unit of time, since a chip has "
            "physical times. Make it with Network(time_unit=1e-3), models.to_ttfs(…, time_unit=1e-3)."
        )
    return net.time_unit


def with_time_unit(net: Network, seconds: float) -> Network:
    """Return the network with another unit of time, of so many seconds; its times stay the numbers that they are.

    Raises
    ------
    NetworkError
        What `Network` refuses as a unit of time.
    """
    other = Network(seconds)
    rebuild(net, other, {})
    return other


def _held(where: str, what: str, net: Network, exact: Fraction) -> float:
    """The number of float64; what is beyond them, or would become 0, is refused."""
    near = held(exact)
    if near is None:
        raise InputError(
            f"{where}: {what} with a time_unit of {time_unit(net):g} s; must be a number that float64 holds. Give the "
            "network a unit of time that is nearer to the times of the chip."
        )
    return near
