"""The rule of distances: each pair of neurons by itself, with a probability that depends on how far they are.

Relies on the draws and on the space. Used by `eventsim.network.by_rule`. O(n_pre n_post).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.checks import real_array, shown
from eventsim.connectivity.draws import PIECE, pieces, uniforms, words
from eventsim.connectivity.ends import Ends
from eventsim.connectivity.space import Metric
from eventsim.errors import NetworkError
from eventsim.randomness import stream_key

Array = np.ndarray[Any, Any]
WORD = 2.0**32
MOST = 8 * PIECE  # pairs that are looked at together; whole blocks of four words


def by_distance(where: str, f: Any, ends: Ends, metric: Metric, key: int) -> tuple[Array, Array]:
    """Each pair with the probability f(distance), independently: (sources, targets) in this order, int32.

    A word of 32 bits below the whole part of f 2^32 says yes, one above says no; where they are equal, 53 bits more
    decide by the rest. So the probability is exact to 2^-85.
    """
    function = checked_function(where, "f", f)
    rest_key = stream_key(key, "rest")
    found: list[tuple[Array, Array]] = [(np.empty(0, np.int32), np.empty(0, np.int32))]
    n_post = ends.post.size
    width = min(n_post, MOST)  # a row that is cut into pieces is alone, so that pairs come in order
    for rows in pieces(ends.pre.size, max(1, MOST // width)):
        for columns in pieces(n_post, width):
            sources = np.arange(rows.start, rows.stop)[:, None]
            targets = np.arange(columns.start, columns.stop)[None, :]
            p = WORD * probabilities(where, function, metric.distances(sources, targets))
            whole = np.floor(p)
            word = _words(key, sources, columns)
            hit = word < whole
            for row, column in np.argwhere(word == whole):
                pair = (sources[row] * n_post + targets[:, column]).astype(np.int64)
                u, _ = uniforms(rest_key, 0, pair, np.zeros(1))
                hit[row, column] = u[0] < p[row, column] - whole[row, column]
            if not ends.autapses:
                hit &= sources != targets
            row, column = np.nonzero(hit)
            found.append(((row + rows.start).astype(np.int32), (column + columns.start).astype(np.int32)))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def _words(key: int, sources: Array, columns: slice) -> Array:
    """A word for each pair, as float64: of block j // 4 of the source, number j % 4."""
    blocks = np.arange(columns.start // 4, (columns.stop + 3) // 4)[None, :]
    four = np.stack(words(key, sources, blocks), axis=-1)
    n = columns.stop - columns.start
    return four.reshape(len(sources), -1)[:, :n].astype(np.float64)


def checked_function(where: str, name: str, given: Any) -> Callable[[Array], Any]:
    """A function of distances."""
    if not callable(given):
        raise NetworkError(
            f"{where}: {name} = {shown(given)}; must be a function of an array of distances. Give e.g. "
            "eventsim.profiles.gaussian(0.5, sd=2.0)."
        )
    return given


def of_distances(where: str, name: str, function: Callable[[Array], Any], distances: Array) -> Array:
    """What a function makes of distances: one finite number each, of the same shape."""
    try:
        found = function(distances)
    except (TypeError, ValueError) as reason:
        raise NetworkError(
            f"{where}: {name} cannot take an array of distances ({reason}); must return one number each. Use numpy's "
            "functions, and np.where in place of if."
        ) from reason
    made = real_array(where, f"what {name} makes", found, NetworkError).astype(np.float64)
    if made.ndim == 0:  # a constant
        made = np.broadcast_to(made, distances.shape)
    if made.shape != distances.shape:
        raise NetworkError(
            f"{where}: {name} makes an array of shape {made.shape} of distances of shape {distances.shape}; must be "
            "one number each. Use numpy's functions, element by element."
        )
    return made


def probabilities(where: str, function: Callable[[Array], Any], distances: Array) -> Array:
    """What a function makes of distances, which must be probabilities."""
    p = of_distances(where, "f", function, distances)
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise NetworkError(
            f"{where}: f({distances[place]:g}) = {p[place]:g}; must be a probability, in 0..1. Scale it, or cut it "
            "with np.clip."
        )
    return p
