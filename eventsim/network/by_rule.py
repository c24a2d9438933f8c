"""Constructors of `Sparse` by rules: fixed degrees, a fixed number of synapses, a probability, distances.

Relies on the room of connectivity, which makes arrays. Used by `projections`, of whose `Sparse` this is a base.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from eventsim.checks import LARGEST_SEED, flag, integer, shown
from eventsim.connectivity import rules
from eventsim.connectivity.distance_rule import by_distance, checked_function
from eventsim.connectivity.ends import Ends, checked_ends
from eventsim.connectivity.space import Metric, Space
from eventsim.connectivity.synapse_values import check_values, values_of
from eventsim.errors import NetworkError
from eventsim.randomness import stream_key

Array = np.ndarray[Any, Any]


class ByRule:
    """Synapses that a rule makes.

    What all rules share: `pre` and `post` are nodes of a network, numbers of neurons, or shapes. `weights` and
    `delays` are one number for all synapses, a distribution (`eventsim.Normal`, `Uniform`, `Lognormal`,
    `Exponential`), or a function that takes an array of distances and returns one number each (`eventsim.profiles` has
    some); distances are those of `space`, by default a `Space` of grids. `delays` None: all have that of the
    projection. Whether neuron i may be connected with neuron i is said by `autapses`, whether several synapses may
    lead from one neuron to another by `multapses`.

    Each draw is a function of (seed, rule, names of pre and post, neuron or synapse, number): nodes of different names
    are connected independently under one seed, while numbers of neurons have no name and need a seed for each
    projection. Two projections between the same nodes need two seeds as well.
    """

    @classmethod
    def fixed_indegree(
        cls, n: int, pre: Any, post: Any, *, weights: Any, seed: int, delays: Any = None, autapses: bool = True,
        multapses: bool = False, space: Space | None = None,
    ) -> Self:  # fmt: skip
        """Every target hears `n` sources.

        Parameters
        ----------
        n
            Synapses to each target.
        pre, post
            Nodes of a network, numbers of neurons, or shapes.
        weights, delays
            A number, a distribution, or a function of distances; `delays` None: that of the projection.
        seed
            What is drawn, together with the names of the nodes.
        autapses
            False: a neuron is not drawn as its own source; pre and post must then be one population.
        multapses
            False: the `n` sources are different, all subsets of so many equally likely. True: each of the `n` is drawn
            from all, independently of the others.
        space
            Where neurons are, for functions of distances.

        Raises
        ------
        NetworkError
            More different sources than there are, weights or delays that are none, negative delays.

        Examples
        --------
        >>> import eventsim
        >>> made = eventsim.Sparse.fixed_indegree(2, 3, 4, weights=0.5, seed=0)
        >>> np.bincount(made.targets).tolist()
        [2, 2, 2, 2]
        """
        where = "Sparse.fixed_indegree"
        ends, key, both = _given(where, pre, post, autapses, seed, weights, delays, space)
        multapses = flag(where, "multapses", multapses, NetworkError)
        return cls._of(rules.fixed_indegree(where, n, ends, key, multapses), both)

    @classmethod
    def fixed_outdegree(
        cls, n: int, pre: Any, post: Any, *, weights: Any, seed: int, delays: Any = None, autapses: bool = True,
        multapses: bool = False, space: Space | None = None,
    ) -> Self:  # fmt: skip
        """Every source reaches `n` targets; all else as in `fixed_indegree`, with the two ends exchanged.

        Parameters
        ----------
        n
            Synapses from each source.
        pre, post, weights, delays, seed, autapses, multapses, space
            As for `fixed_indegree`.
        """
        where = "Sparse.fixed_outdegree"
        ends, key, both = _given(where, pre, post, autapses, seed, weights, delays, space)
        multapses = flag(where, "multapses", multapses, NetworkError)
        return cls._of(rules.fixed_outdegree(where, n, ends, key, multapses), both)

    @classmethod
    def fixed_total(
        cls, n: int, pre: Any, post: Any, *, weights: Any, seed: int, delays: Any = None, autapses: bool = True,
        multapses: bool = False, space: Space | None = None,
    ) -> Self:  # fmt: skip
        """`n` synapses, wherever: between different pairs of neurons, all subsets of so many equally likely.

        Parameters
        ----------
        n
            Synapses in all.
        multapses
            True: each synapse is between any pair, independently of the others.
        pre, post, weights, delays, seed, autapses, space
            As for `fixed_indegree`.
        """
        where = "Sparse.fixed_total"
        ends, key, both = _given(where, pre, post, autapses, seed, weights, delays, space)
        multapses = flag(where, "multapses", multapses, NetworkError)
        return cls._of(rules.fixed_total(where, n, ends, key, multapses), both)

    @classmethod
    def bernoulli(
        cls, p: float, pre: Any, post: Any, *, weights: Any, seed: int, delays: Any = None, autapses: bool = True,
        space: Space | None = None,
    ) -> Self:  # fmt: skip
        """Each pair of neurons is connected with probability `p`, independently of all others; never twice.

        Parameters
        ----------
        p
            In 0..1.
        pre, post, weights, delays, seed, autapses, space
            As for `fixed_indegree`.
        """
        where = "Sparse.bernoulli"
        ends, key, both = _given(where, pre, post, autapses, seed, weights, delays, space)
        return cls._of(rules.bernoulli(where, p, ends, key), both)

    @classmethod
    def by_distance(
        cls, f: Callable[[Array], Any], pre: Any, post: Any, *, weights: Any, seed: int, delays: Any = None,
        autapses: bool = True, space: Space | None = None,
    ) -> Self:  # fmt: skip
        """Each pair of neurons is connected with probability f(distance), independently of all others; never twice.

        Every pair is looked at: O(n_pre n_post), some 20 million pairs a second.

        Parameters
        ----------
        f
            Takes an array of distances, returns their probabilities, each in 0..1; `eventsim.profiles` has some.
        space
            Where neurons are; by default grids over the shape of both, neighbours at distance 1.
        pre, post, weights, delays, seed, autapses
            As for `fixed_indegree`.
        """
        where = "Sparse.by_distance"
        checked_function(where, "f", f)
        ends, key, both = _given(where, pre, post, autapses, seed, weights, delays, space)
        return cls._of(by_distance(where, f, ends, both.metric(), key), both)

    @classmethod
    def _of(cls, pairs: tuple[Array, Array], both: "_Values") -> Self:
        """Synapses between these pairs, with their weights and delays."""
        shape = (both.ends.post.size, both.ends.pre.size)
        made: Any = cls
        return made(*pairs, both.of("weights", *pairs), both.of("delays", *pairs), shape)


class _Values:
    """What weights and delays are made of."""

    def __init__(self, where: str, ends: Ends, seed: int, given: dict[str, Any], space: Space) -> None:
        self.where, self.ends, self.seed, self.given, self.space = where, ends, seed, given, space

    def metric(self) -> Metric:
        """The distances."""
        return self.space.metric(self.where, self.ends)

    def of(self, name: str, sources: Array, targets: Array) -> Array | None:
        """Weights or delays, one a synapse; None where none are given."""
        given = self.given[name]
        if given is None:
            return None
        key = stream_key(self.seed, name, *self.ends.names)
        return values_of(self.where, name, given, key, sources, targets, self.ends.post.size, self.metric)


def _given(
    where: str, pre: Any, post: Any, autapses: Any, seed: Any, weights: Any, delays: Any, space: Any
) -> tuple[Ends, int, _Values]:
    """The ends, the key of the rule's draws, and what weights and delays are made of, all checked."""
    remedy = "Give an integer; the same one gives the same synapses."
    seed = integer(where, "seed", seed, NetworkError, low=0, high=LARGEST_SEED, remedy=remedy)
    ends = checked_ends(where, pre, post, autapses)
    if space is not None and not isinstance(space, Space):
        raise NetworkError(f"{where}: space = {shown(space)}; must be a Space. Give eventsim.Space(…).")
    given = {"weights": weights, "delays": delays}
    for name, value in given.items():
        if name != "delays" or value is not None:
            check_values(where, name, value)
    both = _Values(where, ends, seed, given, space or Space())
    return ends, stream_key(seed, where, *ends.names), both
