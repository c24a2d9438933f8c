"""One emission fault on many spikes at once: a loop over rows of times.

Relies on the scalar functions of faults. Used where spikes are known beforehand: those that data send, and those that a
trainer computes in closed form.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

from eventsim._jit import kernel


@functools.cache
def sweep_of(perturb: Callable[..., Any]) -> Any:
    """Return the loop of one fault's function.

    ``sweep(p, window, key, ids, times, neurons, numbers, wakes, out)`` writes to `out` where each spike of `times`
    (n_rows, n) goes, that of sample ``ids[row]``, neuron ``neurons[row, j]`` and number ``numbers[row, j]``, and
    returns how many it clipped: none leaves before the window begins, or before itself where that is earlier. Silence
    (inf) stays silence, unless the fault `wakes` it. `p` has at least one number.
    """

    @kernel
    def sweep(
        p: Any, window: Any, key: Any, ids: Any, times: Any, neurons: Any, numbers: Any, wakes: bool, out: Any
    ) -> int:
        clipped = 0
        for row in range(times.shape[0]):
            for j in range(times.shape[1]):
                t = times[row, j]
                if t < math.inf or wakes:
                    earliest = min(window[0], t)
                    t = perturb(p, window, key, ids[row], neurons[row, j], numbers[row, j], t)
                    if t < earliest:
                        t = earliest
                        clipped += 1
                out[row, j] = t
        return clipped

    return sweep
