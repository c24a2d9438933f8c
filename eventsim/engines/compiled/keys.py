"""What the numbers in the queue stand for: cohorts, lanes, the changes of windows and drives, clocks, and the fabric.

Relies on the machine's arrays. Used by whatever queues something or takes it from the queue.
"""

from eventsim._jit import kernel_part
from eventsim.engines.tables import Machine


@kernel_part
def lane_key(m: Machine, k: int) -> int:
    """Lane k comes with its next packet; cohort c is number c itself."""
    return m.cohorts.size + k


@kernel_part
def switch_key(m: Machine) -> int:
    """The next change of a window or a drive; clocks come behind."""
    return m.cohorts.size + m.lanes.size


@kernel_part
def clock_key(m: Machine, n: int) -> int:
    """The clock of population n."""
    return m.cohorts.size + m.lanes.size + 1 + n


@kernel_part
def fabric_key(m: Machine) -> int:
    """What happens next between the stations of a fabric."""
    return m.cohorts.size + m.lanes.size + 1 + m.nodes.size
