"""Round robin: the port behind the one that was served last comes first."""

from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.fabric.arbiter import Arbiter


@jitable
def by_turn(p: Any, state: Any, port: Any, entered: Any, draw: Any) -> Any:
    """How far a port is behind the one whose turn it is; state: that one."""
    ahead = float(port) - state[0]
    return ahead if ahead >= 0.0 else ahead + p[0]


@jitable
def pass_the_turn(p: Any, state: Any, port: Any) -> None:
    """It is the turn of the port behind."""
    state[0] = float(port) + 1.0 if float(port) + 1.0 < p[0] else 0.0


@dataclass(frozen=True)
class RoundRobin(Arbiter):
    """The ports take turns; who has nothing to send is passed over."""

    name = "round_robin"
    rank = staticmethod(by_turn)
    served = staticmethod(pass_the_turn)

    def n_state(self, n_ports: int) -> int:
        """The port whose turn it is."""
        del n_ports
        return 1
