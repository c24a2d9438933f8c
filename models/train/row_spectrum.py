"""Where the eigenvalues and singular values of random matrices lie whose rows have variances of their own.

The eigenvalues of diag(d) G, with G of independent entries of mean 0 and variance 1 / n, fill a disc whose radial law
is that of R-diagonal elements (U. Haagerup and F. Larsen, Journal of Functional Analysis 176, 2000): within the radius
r lies the share 1 - q, where q solves

    mean over the rows of s / (r² + q s) = 1,    s = d²,

and all of them where the mean of s is below r² (derived here from their theorem). With equal rows it is the circular
law. Used by the theory of initial weights.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.checks import integer, number
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
HALVINGS = 60
LEAST = 1e-18  # of q: one eigenvalue of a matrix that no memory holds


def share_within(radii: Any, variances: Any) -> Array:
    """Return the share of the eigenvalues within each radius, shape of `radii`, for large square matrices.

    Parameters
    ----------
    radii
        >= 0, any shape.
    variances
        Of each row, (n,): its entries are independent, of mean 0 and this variance over n.

    Raises
    ------
    InputError
        A radius or variance that is negative or no number, or no variance.
    """
    found = np.asarray(variances, float).ravel()
    if not found.size or not (found >= 0).all() or not np.isfinite(found).all():
        raise InputError("share_within: variances must be numbers >= 0, one for each row")
    return solved(radii, lambda r, q: (found / (r * r + q * found)).mean(-1, keepdims=True))


def solved(radii: Any, mean: Callable[[Array, Array], Array]) -> Array:
    """Return 1 - q for each radius, with `mean(r, q)` the mean over the rows of s / (r² + q s), all of shape (k, 1)."""
    wanted = np.asarray(radii, float)
    if not (wanted >= 0).all() or not np.isfinite(wanted).all():
        raise InputError("share_within: radii must be numbers >= 0; give distances from 0")
    r = np.maximum(wanted.reshape(-1, 1), 1e-9)
    low, high = np.full(r.shape, math.log(LEAST)), np.zeros(r.shape)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = mean(r, np.exp(middle)) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return -np.expm1((low + high) / 2).reshape(wanted.shape)


def largest_singular_value(variance: float, n_out: int, n_in: int) -> float:
    """Return the edge of the singular values of a large (n_out, n_in) matrix of entries N(0, variance / n_in).

    V. Marchenko and L. Pastur (1967): sqrt(variance) (1 + sqrt(n_out / n_in)).

    Raises
    ------
    InputError
        Numbers out of range.
    """
    number("largest_singular_value", "variance", variance, low=0)
    integer("largest_singular_value", "n_out", n_out, low=1)
    integer("largest_singular_value", "n_in", n_in, low=1)
    return math.sqrt(variance) * (1 + math.sqrt(n_out / n_in))
