"""Phase-change memory devices: how far programming misses, how conductances drift, how they are read.

Numbers as fitted by others to measurements, each with its source; conductances are relative to the largest, r = g /
g_max. Relies on the conductances. Used by `pcm`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.faults.device.conductances import log_of, log_of_time, polynomial, power

Array = np.ndarray[Any, Any]
SMALLEST_POWER = 1e-3


@dataclass(frozen=True)
class PcmDevice:
    """A kind of device.

    Attributes
    ----------
    g_max
        The largest conductance, in microsiemens.
    t_0
        When it is first read, in seconds after programming: drift counts from there.
    t_read
        How long a read takes, in seconds.
    programming
        Coefficients of the standard deviation of programming, in microsiemens, as a polynomial in r, constant first.
    exponents
        Returns mean and standard deviation of the drift exponent for r, arrays of its shape.
    noise
        Returns the relative size Q of 1/f noise for r, an array of its shape.
    source
        Where the numbers are from.
    """

    g_max: float
    t_0: float
    t_read: float
    programming: tuple[float, ...]
    exponents: Callable[[Array], tuple[Array, Array]]
    noise: Callable[[Array], Array]
    source: str

    def programming_error(self, r: Array) -> Array:
        """Its standard deviation, relative to g_max; arrays of one shape."""
        return polynomial(self.programming, r) / self.g_max

    def drifted(self, r: Array, exponents: Array, t_inf: float) -> Array:
        """What is left of r after t_inf seconds more than `t_0`; arrays of one shape."""
        if t_inf == 0:
            return r
        return r * power(np.full_like(r, (t_inf + self.t_0) / self.t_0), -exponents)

    def read_error(self, r: Array, t_inf: float) -> Array:
        """The standard deviation of a read, relative to what is read, by the r that was programmed; of one shape."""
        t = t_inf + self.t_0
        return self.noise(r) * math.sqrt(log_of_time((t + self.t_read) / (2.0 * self.t_read)))


def _exponents(r: Array) -> tuple[Array, Array]:
    ln = log_of(r)
    return np.clip(-0.0155 * ln + 0.0244, 0.049, 0.1), np.clip(-0.0125 * ln - 0.0059, 0.008, 0.045)


def _noise(r: Array) -> Array:
    return np.minimum(0.0088 / np.maximum(power(np.maximum(r, 1e-300), 0.65), SMALLEST_POWER), 0.2)


def _hermes_mean(r: Array) -> Array:
    low = np.clip(-0.0387 * log_of(r) - 0.0182, 0.072, 0.13)
    return np.where(r < 0.0945, low, polynomial((0.0736, -0.0126, -0.0436), r))


def _hermes1_exponents(r: Array) -> tuple[Array, Array]:
    low = np.clip(-0.0120 * log_of(r) - 0.0023, 0.0124, 0.04)
    return _hermes_mean(r), np.where(r < 0.3039, low, polynomial((0.0104, 0.0116, -0.0165), r))


def _hermes1_noise(r: Array) -> Array:
    low = np.clip(-0.0078 * log_of(r) + 0.0038, 0.0179, 0.04)
    return np.where(r < 0.1591, low, polynomial((0.0088, 0.0768, -0.1352, 0.0664), r))


def _hermes2_exponents(r: Array) -> tuple[Array, Array]:
    low = np.clip(-0.0117 * log_of(r) - 0.0057, 0.0091, 0.04)
    return _hermes_mean(r), np.where(r < 0.3055, low, polynomial((0.0073, 0.0093, -0.0118), r))


def _hermes2_noise(r: Array) -> Array:
    low = np.clip(-0.0117 * log_of(r) - 0.0069, 0.015, 0.04)
    return np.where(r < 0.16, low, polynomial((0.0123, 0.0211, -0.0280, 0.0069), r))


_HERMES = "the IBM Hermes chip (M. Le Gallo et al. 2023), as in aihwkit 1.1.0, {} of a weight"
PCM_DEVICES = {
    "pcm": PcmDevice(
        25.0, 20.0, 250e-9, (0.26348, 1.9650, -1.1731), _exponents, _noise,
        "S. R. Nandakumar et al. 2019, as in aihwkit 1.1.0 (PCMLikeNoiseModel)",
    ),
    "hermes1": PcmDevice(
        10.35, 200.0, 512e-9, (0.15781817, 2.32443916, -2.16310839, 0.68841818), _hermes1_exponents, _hermes1_noise,
        _HERMES.format("one device for each sign"),
    ),
    "hermes2": PcmDevice(
        20.7, 300.0, 512e-9, (0.16603222, 4.71806468, -8.48101252, 4.68961419), _hermes2_exponents, _hermes2_noise,
        _HERMES.format("two devices for each sign"),
    ),
}  # fmt: skip
