"""Neurons of the naive simulator that are exact: rational, or to more than 50 digits. The gold set is made with them.

Relies on `naive`, which knows the event order, and on the solvers of `crossings` and `glif`; nothing of eventsim is
imported. Models that only add, multiply and divide are those of `naive` on Fractions. The others are here: potentials
between events and first crossings come from sums of exponentials in mpmath numbers.
"""

from typing import Any

import mpmath
import naive
from mpmath import mpf

from golden import crossings, glif

ONCE = {"many": False, "once": True}


class Relay(naive.Neuron):
    """Counts its inputs and spikes once, at the one that makes the count reach `count`."""

    def __init__(self, node: naive.Node, order: int, i: int) -> None:
        super().__init__(node, order, i)
        self.heard, self.done = 0, False

    def receive(self, t: Any, weight: Any) -> bool:
        self.heard = self.heard + weight
        return True

    def test(self, t: Any) -> bool:
        return not self.done and self.heard >= self.parameter("count")

    def fire(self, t: Any) -> None:
        self.done = True


class LifDelta(naive.LifDelta):
    """The logarithm and the exponential to as many digits as mpmath is set to."""

    def time_to_spike(self) -> Any:
        if self.v_inf <= self.v_threshold:
            return mpmath.inf
        if self.v >= self.v_threshold:
            return 0
        return self.tau_mem * mpmath.log((self.v_inf - self.v) / (self.v_inf - self.v_threshold))

    def relax(self, t: Any) -> None:
        self.v = self.v_inf + (self.v - self.v_inf) * mpmath.exp(-(t - self.t_last) / self.tau_mem)
        self.t_last = t


class Held(naive.Neuron):
    """What the models with currents have in common: V is held after a spike, the rest of the state goes on.

    Between events a state is moved by `moved(state, s)`; `wait(state)` is the time to the first crossing of one that
    is not held, from below the threshold.
    """

    state: tuple[Any, ...]
    model: str

    def __init__(self, node: naive.Node, order: int, i: int) -> None:
        super().__init__(node, order, i)
        self.model = str(node.model)
        self.t_last, self.held_until = mpf(0), mpf(0)

    def moved(self, state: tuple[Any, ...], s: Any, held: bool) -> tuple[Any, ...]:
        raise NotImplementedError

    def wait(self, state: tuple[Any, ...]) -> Any:
        raise NotImplementedError

    def later(self, t: Any) -> tuple[Any, ...]:
        """State at t >= t_last, given no input until then."""
        free_from = min(max(self.held_until, self.t_last), t)
        state = self.moved(self.state, free_from - self.t_last, True)
        return self.moved(state, t - free_from, False)

    def advance(self, t: Any) -> None:
        self.state, self.t_last = self.later(t), t

    def test(self, t: Any) -> bool:
        start = max(t, self.held_until)
        self.crossing = mpmath.inf if start == mpmath.inf else start + self.wait(self.later(start))
        return bool(self.crossing <= t)

    def fire(self, t: Any) -> None:
        self.advance(t)
        self.after_spike()
        self.held_until = mpmath.inf if ONCE[self.parameter("spikes")] else t + self.parameter("t_ref")

    def after_spike(self) -> None:
        """V := v_reset; all else stays."""
        self.state = (self.parameter("v_reset"), *self.state[1:])


class Current(Held):
    """`lif_exp`, `if_exp`, `lif_alpha`, `alpha_psp`: state (V, I, a) as in `crossings`."""

    def __init__(self, node: naive.Node, order: int, i: int) -> None:
        super().__init__(node, order, i)
        self.state = (self.parameter("v_init"), mpf(self.parameter("i_init", 0)), mpf(0))
        self.crossing = self.wait(self.state)

    def case(self, state: tuple[Any, ...]) -> crossings.Case:
        given = {"tau_mem": 1, "r": 1, "v_leak": 0, "current": 0}
        given |= {name: values[self.i] for name, values in self.node.parameters.items()}
        v_inf = given["v_leak"] + given["current"]
        numbers = (given["tau_mem"], given["tau_syn"], given["r"], given["v_threshold"], v_inf, *state)
        return crossings.Case("", *numbers)

    def moved(self, state: tuple[Any, ...], s: Any, held: bool) -> tuple[Any, ...]:
        if s == 0:
            return state
        (v, i, a), tau = state, self.parameter("tau_syn")
        if not held:
            v = crossings._Potential(self.model, self.case(state))(s) + self.parameter("v_threshold")
        left = mpmath.exp(-s / tau)
        return v, (i + a * mpmath.e / tau * s) * left, a * left

    def wait(self, state: tuple[Any, ...]) -> Any:
        return crossings.solve(self.model, self.case(state)).time

    def receive(self, t: Any, weight: Any) -> bool:
        self.advance(t)
        v, i, a = self.state
        self.state = (v, i, a + weight) if self.model == "lif_alpha" else (v, i + weight, a)
        return True


class Glif(Held):
    """State (V, threshold, I, J1, J2)."""

    def __init__(self, node: naive.Node, order: int, i: int) -> None:
        super().__init__(node, order, i)
        none = mpf(0)
        self.state = (self.parameter("v_init"), self.parameter("v_threshold"), none, none, none)
        self.crossing = self.wait(self.state)

    def case(self, state: tuple[Any, ...]) -> glif.Case:
        """`glif.Case` knows no r: currents are handed over times r."""
        names = (*glif.TIMES, "v_leak", "current", "v_threshold", "coupling")
        given = {name: self.parameter(name) for name in names}
        v, threshold, i, j1, j2 = state
        r = self.parameter("r")
        return glif.Case("", **given, v=v, threshold=threshold, i=r * i, j1=r * j1, j2=r * j2)

    def moved(self, state: tuple[Any, ...], s: Any, held: bool) -> tuple[Any, ...]:
        if s == 0:
            return state
        case = self.case(state)
        left = [mpmath.exp(-s * rate) for rate in glif.rates(case)]
        currents = tuple(one * factor for one, factor in zip(state[2:], left[2:], strict=True))
        if held:
            limit = case.v_threshold + case.coupling * (case.v - case.v_leak)
            return case.v, limit + (case.threshold - limit) * left[1], *currents
        v, threshold = glif.potentials(case)
        return v(s), threshold(s), *currents

    def wait(self, state: tuple[Any, ...]) -> Any:
        """A neuron that is above its threshold when it is released fires then."""
        return mpf(0) if state[0] >= state[1] else glif.solve(self.case(state)).time

    def receive(self, t: Any, weight: Any) -> bool:
        self.advance(t)
        v, threshold, i, *own = self.state
        self.state = (v, threshold, i + weight, *own)
        return True

    def after_spike(self) -> None:
        _, threshold, i, one, two = self.state
        raised = max(threshold, self.parameter("threshold_reset")) + self.parameter("threshold_jump")
        one = self.parameter("kept_1") * one + self.parameter("after_1")
        two = self.parameter("kept_2") * two + self.parameter("after_2")
        self.state = (self.parameter("v_reset"), raised, i, one, two)


RATIONAL = {name: naive.MODELS[name] for name in naive.EXACT if name != "lif_delta"} | {"relay": Relay}
MODELS = RATIONAL | {"lif_delta": LifDelta, "glif": Glif} | dict.fromkeys(crossings.MODELS, Current)
