"""Which pairs of neurons a rule connects: fixed degrees, a fixed number of synapses, a probability.

Each rule returns (sources, targets), arrays (n_synapses,) of int32 in the order (source, target). Relies on `ends`, on
the draws and on elementary functions. Used by `eventsim.network.by_rule`, which gives synapses weights and delays.
"""

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from eventsim.checks import flag, integer, number
from eventsim.connectivity.chosen import first_values
from eventsim.connectivity.draws import PIECE, pieces, uniforms
from eventsim.connectivity.elementary import log
from eventsim.connectivity.ends import Ends
from eventsim.errors import NetworkError

Array = np.ndarray[Any, Any]
Pairs = tuple[Array, Array]
MOST_SYNAPSES = 2**32  # of a projection: a hundred gigabytes


def fixed_indegree(where: str, n: Any, ends: Ends, key: int, multapses: Any) -> Pairs:
    """Every target hears `n` sources: different ones, or where `multapses` may be `n` independent ones."""
    n_rows, n_post = ends.post.size, ends.post.size
    n = _degree(where, n, n_rows, ends.pre, ends.autapses, multapses)
    keys = np.empty(n * n_rows, dtype=np.int64)
    for at, (targets, sources) in _by_row(n, n_rows, ends.pre.size, ends.autapses, key, multapses):
        keys[at : at + len(targets)] = sources * n_post + targets
    keys.sort()
    return _split(keys, n_post)


def fixed_outdegree(where: str, n: Any, ends: Ends, key: int, multapses: Any) -> Pairs:
    """Every source reaches `n` targets: different ones, or where `multapses` may be `n` independent ones."""
    n_rows = ends.pre.size
    n = _degree(where, n, n_rows, ends.post, ends.autapses, multapses)
    pairs = _empty(n * n_rows)
    for at, row in _by_row(n, n_rows, ends.post.size, ends.autapses, key, multapses):
        for ours, found in zip(pairs, row, strict=True):
            ours[at : at + len(found)] = found
    return pairs


def _degree(where: str, n: Any, n_rows: int, others: Any, autapses: bool, multapses: Any) -> int:
    """The degree, which is refused where there are not so many others, or too many synapses."""
    n = integer(where, "n", n, NetworkError, low=0, remedy="Give the number of synapses a neuron.")
    n_choices = others.size - (not autapses)
    if n > n_choices and (n_choices == 0 or not flag(where, "multapses", multapses, NetworkError)):
        without = "" if autapses else ", itself left out"
        raise NetworkError(
            f"{where}: n = {n:,} different partners of {n_choices:,}{without}; must be at most so many. Give fewer, or "
            "multapses=True where there are others."
        )
    _check_total(where, n * n_rows)
    return n


def _by_row(
    n: int, n_rows: int, n_others: int, autapses: bool, key: int, multapses: bool
) -> Iterator[tuple[int, Pairs]]:
    """Where the synapses of some rows begin, and their (rows, others), in this order."""
    n_choices = n_others - (not autapses)
    for some in pieces(n_rows, max(1, PIECE // max(n, 1))):
        if n:
            found = first_values(key, range(some.start, some.stop), n, n_choices, not multapses)
            rows, others = np.divmod(found, n_choices)
            rows += some.start
            yield some.start * n, (rows, others if autapses else others + (others >= rows))


def fixed_total(where: str, n: Any, ends: Ends, key: int, multapses: Any) -> Pairs:
    """`n` synapses between pairs that are different, or where `multapses` may be independent: all equally likely."""
    n = integer(where, "n", n, NetworkError, low=0, remedy="Give the number of synapses.")
    width = ends.post.size - (not ends.autapses)
    n_pairs = ends.pre.size * width
    if n > n_pairs and (n_pairs == 0 or not flag(where, "multapses", multapses, NetworkError)):
        raise NetworkError(
            f"{where}: n = {n:,} synapses between {n_pairs:,} pairs of neurons; must be at most so many. Give fewer, "
            "or multapses=True where there are pairs."
        )
    _check_total(where, n)
    if n == 0:
        return _empty(0)
    sources, targets = _split(first_values(key, range(1), n, n_pairs, not multapses), width)
    if not ends.autapses:
        targets += targets >= sources
    return sources, targets


def bernoulli(where: str, p: Any, ends: Ends, key: int) -> Pairs:
    """Each pair with probability `p`, independently of all others.

    From one target of a source to its next there are g others with probability (1 - p)^g p: the floor of
    log u / log (1 - p), u uniform in (0, 1). Since u has 53 bits, the distribution function of g is within 2^-52.
    """
    p = _probability(where, p)
    width = ends.post.size - (not ends.autapses)
    _check_total(where, p * ends.pre.size * width)
    found: list[Pairs] = [_empty(0)]
    if p > 0 and width:
        for some in pieces(ends.pre.size, max(1, int(PIECE / (1.0 + width * p)))):
            rows = np.arange(some.start, some.stop)
            sources, targets = np.divmod(_successes(rows, width, p, key), width)
            targets += 0 if ends.autapses else targets >= sources
            found.append((sources.astype(np.int32), targets.astype(np.int32)))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def _successes(rows: Array, width: int, p: float, key: int) -> Array:
    """Sorted row * width + place of what happens with probability `p` at each of `width` places of some rows."""
    if p == 1.0:
        return (rows[:, None] * width + np.arange(width)).ravel()
    with localcontext(prec=60):
        scale = float((1 - Decimal(p)).ln()) if p > 2.0**-60 else -p
    place = np.full(len(rows), -1, dtype=np.int64)  # the last success
    found, drawn = [], 0
    while rows.size:
        expected = (width - int(place.min())) * p
        n = int(min(expected + 4.0 * math.sqrt(expected) + 2.0, 2 * PIECE / len(rows) + 2.0))
        u, _ = uniforms(key, 0, rows[:, None], drawn + np.arange(n)[None, :])
        with np.errstate(over="ignore"):
            gaps = np.minimum(np.floor(log(u) / scale), width).astype(np.int64)
        places = place[:, None] + np.cumsum(gaps + 1, axis=1)
        found.append((rows[:, None] * width + places)[places < width])
        going_on = places[:, -1] < width
        rows, place, drawn = rows[going_on], places[going_on, -1], drawn + n
    return np.sort(np.concatenate(found), kind="stable")


def _probability(where: str, p: Any) -> float:
    """A probability, checked."""
    remedy = "Give the probability of a synapse, in 0..1."
    found = float(number(where, "p", p, NetworkError, low=0, remedy=remedy))
    if found > 1:
        raise NetworkError(f"{where}: p = {found}; must be at most 1. {remedy}")
    return found


def _check_total(where: str, n: float) -> None:
    """Refuse more synapses than any memory has."""
    if n > MOST_SYNAPSES:
        raise NetworkError(
            f"{where}: some {n:.3g} synapses; must be at most {MOST_SYNAPSES:,} a projection. Give fewer, or Dense or "
            "Conv, which list none."
        )


def _empty(n: int) -> Pairs:
    """Room for `n` pairs."""
    return np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)


def _split(keys: Array, width: int) -> Pairs:
    """(sources, targets) of sorted source * width + target."""
    sources, targets = _empty(keys.size)
    for some in pieces(keys.size):
        sources[some], targets[some] = np.divmod(keys[some], width)
    return sources, targets
