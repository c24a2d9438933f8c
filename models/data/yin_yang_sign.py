"""The Yin-Yang data set: points of the sign, drawn in it, of three classes that no linear classifier tells apart.

L. Kriener, J. Göltz, M. A. Petrovici, "The Yin-Yang dataset", NICE 2022, doi 10.1145/3517343.3517380. A class is drawn
first, with equal chances; then points in the square around the sign until one is in the sign and of this class. The
draws are those of numpy's `RandomState`, whose stream is frozen, in the order of the published generator: seeds 42, 41
and 40 give the published training, validation and test points, bit for bit (tests/test_yin_yang.py).

Relies on numpy. Used by the catalogue, and by whoever wants other points.
"""

import math

import numpy as np

from eventsim import checks
from eventsim.models.data.labelled_values import LabelledValues, labelled

CLASSES = ("yin", "yang", "dot")
RADIUS = 0.5
DOT_RADIUS = 0.1
MOST_SEED = 2**32 - 1
MOST_POINTS = 10**8


def yin_yang(n: int, seed: int, dot_radius: float = DOT_RADIUS) -> LabelledValues:
    """Return points of the Yin-Yang data set: inputs (n, 4), x, y, 1 - x and 1 - y, and labels (n,).

    About 25 µs a point.

    Parameters
    ----------
    n
        Number of points.
    seed
        0 to 2**32 - 1; the published points have 42 to train on (n = 5,000), 41 to validate, 40 to test with (1,000).
    dot_radius
        Radius of the two dots, of which the sign has 1/2; from 0.01 to 0.25, where the dots fill their halves.

    Raises
    ------
    InputError
        A number that is none of these.
    """
    n = checks.integer("yin_yang", "n", n, low=0, high=MOST_POINTS)
    seed = checks.integer("yin_yang", "seed", seed, low=0, high=MOST_SEED)
    dot_radius = checks.number("yin_yang", "dot_radius", dot_radius, low=0.01, high=0.25)
    draws = np.random.RandomState(seed)
    points = np.empty((n, 2))
    labels = np.empty(n, np.int64)
    for k in range(n):
        labels[k] = draws.randint(len(CLASSES))
        while True:
            x, y = draws.random_sample(2).tolist()
            if _distance(x, y, RADIUS) <= RADIUS and class_of(x, y, dot_radius) == labels[k]:
                break
        points[k] = x, y
    return labelled("yin_yang", np.concatenate([points, 1 - points], axis=1), labels)


def class_of(x: float, y: float, dot_radius: float = DOT_RADIUS) -> int:
    """Return the class of a point in the sign: 0 yin, 1 yang, 2 dot.

    Yin's half above goes on in the left one of the two inner half circles and lacks the right one; a dot is open.

    >>> [class_of(*point) for point in ((0.5, 0.9), (0.5, 0.1), (0.25, 0.5), (0.75, 0.5))]
    [1, 0, 2, 2]
    """
    left, right = _distance(x, y, RADIUS / 2), _distance(x, y, 3 * RADIUS / 2)
    if min(left, right) < dot_radius:
        return 2
    inside_left = dot_radius < left <= RADIUS / 2
    above = y > RADIUS and right > RADIUS / 2
    return int(inside_left or above or right <= dot_radius)


def _distance(x: float, y: float, center: float) -> float:
    """From a point on the horizontal line through the middle; its square is rounded as the published code has it."""
    across, along = x - center, y - RADIUS
    return math.sqrt(across * across + along * along)
