"""What the reference engine's agenda holds: kinds of entries, numbered in the order in which a time takes them.

Relies on nothing. Used by `engine` and `standing`. An entry is (time, kind, …); what follows the kind is said below.
"""

SOURCE = 0  # node, neuron: a spike from outside
FABRIC = 1  # what happens next between the stations of a fabric
CROSSING = 2  # node, neuron: a stored crossing
LEAVING = 3  # node, neuron: a spike that crossed earlier
WINDOW = 4  # node, a change of its drive, or 0 (t_start), 1 (t_min), 2 (t_max)
RELEASE = 5  # node, neuron: the end of refractoriness
EARLY_TICK = 6  # -1, node, tick: of a clock that does not see what arrives in the same step
ARRIVAL = 7  # node, neuron, lane, place, number, place, left: from place to place of one spike that left then
TICK = 8  # rank, node, tick: in the micro-step of that rank

T_START, T_MIN = 0, 1
T_STEP = -1  # and below: of the first piece, the second, …
