"""What the reference engine's agenda holds: kinds of entries, numbered in the order in which a time takes them.

Relies on nothing. Used by `engine` and `standing`. An entry is (time, kind, …); what follows the kind is said below.
"""

SOURCE = 0  # node, neuron: a spike from outside
CROSSING = 1  # node, neuron: a stored crossing
LEAVING = 2  # node, neuron: a spike that crossed earlier
WINDOW = 3  # node, a change of its drive, or 0 (t_start), 1 (t_min), 2 (t_max)
RELEASE = 4  # node, neuron: the end of refractoriness
WAKE = 5  # station, key: a part of the transport wakes itself
EARLY_TICK = 6  # -1, node, tick: of a clock that does not see what arrives in the same step
ARRIVAL = 7  # node, neuron, projection, place, number, place, left: from place to place of one spike that left then
TICK = 8  # rank, node, tick: in the micro-step of that rank

T_START, T_MIN = 0, 1
T_STEP = -1  # and below: of the first piece, the second, …
