"""What alpha neurons are whose weights are drawn as if they were those of ReLUs ("naive").

With J_ij ~ N(0, v / n), independent, the slope S = alpha + sum_j J_ij is N(alpha, v). Where S <= 0 the neuron never
reaches its threshold; elsewhere it computes with w = J / S, whose sum is 1 - alpha / S exactly, and what is orthogonal
to the sum is independent of S, of variance v / S² over n. Since S has a density at 0, the largest 1 / S of a layer
grows with its width: 1 / S has no mean. All of this is derived here; `tests/test_train_spectra.py` holds it.

Relies on the spectrum of rows. Used by the theory page and its pictures.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from eventsim.checks import integer, number
from eventsim.models.train.row_spectrum import solved

Array = np.ndarray[Any, Any]
NORMAL = NormalDist()
NODES = 400


@dataclass(frozen=True)
class NaiveStart:
    """Slopes and spectra of a wide layer of alpha neurons with naive weights.

    Parameters
    ----------
    variance
        The v of the weights, > 0: n_in times their variance; 2 for "he_normal".
    alpha
        > 0.
    coherence
        None: of the weights w = J / S of neurons that climb. A number from 0 to 1: of the Jacobian at an input
        whose squared mean is this share of its mean square, which a neuron takes part in where it spikes.

    Raises
    ------
    InputError
        Numbers out of range.
    """

    variance: float
    alpha: float = 1.0
    coherence: float | None = None

    def __post_init__(self) -> None:
        number("NaiveStart", "variance", self.variance, low=0, open_low=True)
        number("NaiveStart", "alpha", self.alpha, low=0, open_low=True)
        if self.coherence is not None:
            number("NaiveStart", "coherence", self.coherence, low=0, high=1)

    @property
    def never_climbs(self) -> float:
        """The share of neurons with S <= 0: Phi(-alpha / sqrt(v))."""
        return NORMAL.cdf(-self.alpha / math.sqrt(self.variance))

    @property
    def density(self) -> float:
        """The density of S at 0: phi(alpha / sqrt(v)) / sqrt(v)."""
        deviation = math.sqrt(self.variance)
        return NORMAL.pdf(self.alpha / deviation) / deviation

    @property
    def takes_part(self) -> float:
        """How likely a neuron takes part whose slope is just above 0."""
        return float(self._takes_part(np.zeros(1))[0])

    @property
    def tail(self) -> float:
        """What (share of eigenvalues beyond r) r² tends to for large r: (pi density takes_part sqrt(v) / 2)²."""
        return (math.pi * self.density * self.takes_part / 2) ** 2 * self.variance

    def share_within(self, radii: Any) -> Array:
        """Return the share of eigenvalues within each radius, shape of `radii`, for a wide square layer.

        Raises
        ------
        InputError
            A radius that is negative or no number.
        """
        nodes, parts = np.polynomial.legendre.leggauss(NODES)
        angles, parts = (nodes + 1) * math.pi / 4, parts * math.pi / 4

        def mean(r: Array, q: Array) -> Array:
            # S = c tan(angle) takes the peak at S = 0, of width c, out of s / (r² + q s), s = v / S².
            c = np.sqrt(q * self.variance) / r
            slopes = c * np.tan(angles)
            likely = np.exp(-((slopes - self.alpha) ** 2) / (2 * self.variance)) * self._takes_part(slopes)
            total: Array = (parts * likely).sum(-1, keepdims=True) * c / q
            return total / math.sqrt(2 * math.pi * self.variance)

        return solved(radii, mean)

    def squared_norm(self, quantile: float, n_out: int) -> float:
        """Return a quantile, over draws, of the sum of the squared entries of a wide layer of `n_out` neurons.

        The sum of 1 / S² follows a Lévy law for large `n_out`, of scale pi (n_out density takes_part)² / 2: it has no
        mean, and grows with the square of the width. One of ReLU weights is v n_out.

        Raises
        ------
        InputError
            Numbers out of range.
        """
        number("NaiveStart", "quantile", quantile, low=0, high=0.9999, open_low=True)
        integer("NaiveStart", "n_out", n_out, low=1)
        scale = math.pi / 2 * (n_out * self.density * self.takes_part) ** 2
        return self.variance * scale / NORMAL.inv_cdf(1 - quantile / 2) ** 2

    def _takes_part(self, slopes: Array) -> Array:
        """With weights: all that climb. Else J x given S is N((S - alpha) m, v (q - m²)), with m² = coherence q."""
        if self.coherence is None:
            return np.ones(slopes.shape)
        spread = math.sqrt(2 * self.variance * (1 - self.coherence) / max(self.coherence, 1e-300)) + 1e-300
        scaled = (slopes - self.alpha) / spread
        return np.array([0.5 * math.erfc(-one) for one in scaled.ravel()]).reshape(slopes.shape)
