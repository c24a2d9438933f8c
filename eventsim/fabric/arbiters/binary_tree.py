"""A binary tree of two-way arbiters, each of which prefers the side that it did not serve last."""

from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.fabric.arbiter import Arbiter


@jitable
def by_toggles(p: Any, state: Any, port: Any, entered: Any, draw: Any) -> Any:
    """The path from the root to a port, as a binary number: a digit is 0 where the arbiter there prefers its side.

    Node k of the tree, from 1 at the root, has the children 2 k and 2 k + 1; port i is leaf p[1] + i, where p[1] is the
    number of leaves, a power of two. state[k] is the side, 0 or 1, that node k prefers.
    """
    node, rank, digit = int(p[1]) + int(port), 0.0, 1.0
    while node > 1:
        if float(node % 2) != state[node // 2]:
            rank += digit
        digit *= 2.0
        node //= 2
    return rank


@jitable
def turn_the_toggles(p: Any, state: Any, port: Any) -> None:
    """Every arbiter on the way prefers the other side from now on."""
    node = int(p[1]) + int(port)
    while node > 1:
        state[node // 2] = 1.0 - float(node % 2)
        node //= 2


@dataclass(frozen=True)
class BinaryTree(Arbiter):
    """A tree over the ports, filled up to a power of two; at the beginning each arbiter prefers its lower side."""

    name = "binary_tree"
    rank = staticmethod(by_toggles)
    served = staticmethod(turn_the_toggles)

    def numbers(self, n_ports: int) -> tuple[float, ...]:
        """The number of ports, and that of the leaves."""
        return float(n_ports), float(leaves_of(n_ports))

    def n_state(self, n_ports: int) -> int:
        """The side that each inner node prefers, from node 1 on."""
        return leaves_of(n_ports)


def leaves_of(n_ports: int) -> int:
    """Leaves of the tree: the next power of two."""
    return 1 << (n_ports - 1).bit_length()
