"""Dynamics: what a neuron does between events and at them, as scalar functions of its parameters and its state.

The functions are plain Python, marked `jitable` of `_jit` where they are defined. Used by `neuron_model`, and by both
engines, which close over them. They see the parameters of one neuron as a tuple ``p`` (in the order of
`Dynamics.rows`) and its state as a tuple ``s`` (in the order of `Dynamics.state`, membrane potential first), and return
new tuples, so that the same text runs in the reference engine (also on `fractions.Fraction`), interpreted and compiled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable

Numbers = tuple[Any, ...]


@jitable
def unchanged(p: Numbers, s: Numbers) -> Numbers:  # noqa: ARG001 - the contract
    """State of a model that has no window, or no clock: never called."""
    return s


@jitable
def retired(p: Numbers, s: Numbers) -> Numbers:  # noqa: ARG001 - the contract
    """State of a model that fires more than once: never called."""
    return s


@jitable
def always(p: Numbers, s: Numbers, dt: Any) -> bool:  # noqa: ARG001 - the contract
    """`time_to_spike` is asked whenever the neuron was touched."""
    return True


@jitable
def elapsed(p: Numbers, dt: Any) -> Numbers:  # noqa: ARG001 - the contract
    """The propagator of a state that moves in straight lines, or not at all: the time itself."""
    return (dt,)


@jitable
def still(c: Numbers, s: Numbers) -> Numbers:  # noqa: ARG001 - the contract
    """State dt later of a model in which nothing happens between events."""
    return s


@dataclass(frozen=True)
class Dynamics:
    """The state variables of a neuron, the rows of parameters that it needs, and its functions.

    All functions are scalar, marked `jitable`, `math` only:

    ``initial(p)`` state at the beginning ·
    ``propagator(p, dt)`` coefficients shared by all neurons that were last updated together ·
    ``advance(c, s)`` state after dt without input ·
    ``receive(s, w)`` state after an input of weight w; of several receptors ``receive(s, w, receptor)`` ·
    ``time_to_spike(p, s)`` >= 0, or inf: time to the first upward crossing without further input ·
    ``above(p, s)`` is V at or above the threshold? ·
    ``reset(p, s)`` state after a spike ·
    ``may_spike(p, s, dt)`` cheap and never wrongly False: can the neuron spike within dt without input, or does it
    stand at its threshold, where an input moves V itself? Without it `time_to_spike` is asked every time ·
    ``open_window(p, s)`` state at t_min (windowed models) ·
    ``tick(p, s)`` state after a clock tick (clocked models) ·
    ``retire(p, s)`` a state in which `may_spike` never holds, of a neuron that fires (models that spike once) ·
    ``touching(p, s)`` does V, in a state that is about to fire, only just touch the threshold, so that rounding
    decided? Such spikes are counted ("tangent"); None where that cannot be ·
    ``overflows(p, s, dt)`` how many additions have left the range of a register, those included that will within less
    than dt without input; no number where an input came between the ticks of a clock. Asked at the end of a sample,
    and counted ("overflows"); None where numbers have no range ·
    ``time_error(p, s, t)`` bounds on the rounding error of a spike at t, on what the neuron received and on the whole
    network; None without bounds. With them, ``receive(s, w, error)`` gets the bound on the input's time.

    Attributes
    ----------
    state
        Names of the state variables; V is the first.
    rows
        Names of the rows of parameters p.
    on_fractions
        Whether the functions are exact on Fractions.
    n_receptors
        How many kinds of inputs `receive` tells apart.
    """

    state: tuple[str, ...]
    rows: tuple[str, ...]
    initial: Callable[[Numbers], Numbers]
    propagator: Callable[[Numbers, Any], Numbers]
    advance: Callable[[Numbers, Numbers], Numbers]
    receive: Callable[..., Numbers]
    time_to_spike: Callable[[Numbers, Numbers], Any]
    above: Callable[[Numbers, Numbers], bool]
    reset: Callable[[Numbers, Numbers], Numbers]
    may_spike: Callable[[Numbers, Numbers, Any], bool] = always
    open_window: Callable[[Numbers, Numbers], Numbers] = unchanged
    tick: Callable[[Numbers, Numbers], Numbers] = unchanged
    retire: Callable[[Numbers, Numbers], Numbers] = retired
    touching: Callable[[Numbers, Numbers], bool] | None = None
    overflows: Callable[[Numbers, Numbers, Any], Any] | None = None
    time_error: Callable[[Numbers, Numbers, Any], Numbers] | None = None
    on_fractions: bool = False
    n_receptors: int = 1

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions that every model has, in the order of the contract."""
        return (
            self.initial, self.propagator, self.advance, self.receive, self.may_spike, self.time_to_spike,
            self.above, self.reset, self.open_window, self.tick, self.retire,
        )  # fmt: skip
