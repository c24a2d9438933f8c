"""Neurons of the naive simulator that are exact: rational, or to more than 50 digits. The gold set is made with them.

Relies on `naive`, which knows the event order, and on the solvers of `crossings`, `glif` and `receptors`; nothing of
eventsim is imported. Models that only add, multiply and divide are those of `naive` on Fractions. The others are here:
potentials between events and first crossings come from sums of exponentials in mpmath numbers, those of `qif` from the
roots of its parabola.
"""

from typing import Any

import mpmath
import naive
from mpmath import mpf

from golden import crossings, glif, receptors

ONCE = {"many": False, "once": True}
# Of models with receptors: a current that rises is the difference of two that are apart by 60 of these digits.
MANY_DIGITS = 220


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


class Qif(LifDelta):
    """tau_mem V' = a (V - x) (V - y), with the roots x, y of the right-hand side, which may be complex or equal."""

    def __init__(self, node: naive.Node, order: int, i: int) -> None:
        leak, critical = (node.parameters[name][i] for name in ("v_leak", "v_critical"))
        self.a, drive = node.parameters["curvature"][i], node.parameters["current"][i]
        self.middle = (leak + critical) / 2
        self.square = drive / self.a - (critical - leak) ** 2 / 4  # the roots are middle -+ sqrt(-square)
        super().__init__(node, order, i)

    def time_to_spike(self) -> Any:
        if self.v >= self.v_threshold:
            return 0
        start, end, root = self.v - self.middle, self.v_threshold - self.middle, mpmath.sqrt(abs(self.square))
        if self.square > 0:
            return self.tau_mem / (self.a * root) * (mpmath.atan(end / root) - mpmath.atan(start / root))
        if any(start <= rest <= end for rest in (-root, root)) or -root < start < root:
            return mpmath.inf
        if root == 0:
            return self.tau_mem / self.a * (1 / start - 1 / end)
        ends = [mpmath.log(abs((x - root) / (x + root))) for x in (start, end)]
        return self.tau_mem / (2 * self.a * root) * (ends[1] - ends[0])

    def relax(self, t: Any) -> None:
        """A Moebius map of V - middle, by tan, tanh, or the time itself."""
        x, root, s = self.v - self.middle, mpmath.sqrt(abs(self.square)), self.a * (t - self.t_last) / self.tau_mem
        if self.square > 0:
            s = mpmath.tan(root * s) / root
        elif self.square < 0:
            s = mpmath.tanh(root * s) / root
        self.v = self.middle + (x + self.square * s) / (1 - x * s)
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


class Receptors(Held):
    """`lif_exp`, `lif_alpha`, `glif` with several receptors: state (V, threshold, I, A, J) as in `receptors`."""

    def __init__(self, node: naive.Node, order: int, i: int) -> None:
        super().__init__(node, order, i)
        self.taus = self.parameter("tau_syn")
        self.names = [*self.taus]
        none = (mpf(0),) * len(self.names)
        currents = tuple(self.parameter("i_init", dict.fromkeys(self.names, mpf(0))).values())
        self.state = (self.parameter("v_init"), self.parameter("v_threshold"), currents, none, (mpf(0), mpf(0)))
        self.crossing = self.wait(self.state)

    def case(self, state: tuple[Any, ...]) -> receptors.Case:
        """`receptors.Case` knows no r: currents are handed over times r."""
        v, threshold, *currents = state
        r, v_leak = self.parameter("r"), self.parameter("v_leak")
        i, a, j = (tuple(r * one for one in each) for each in currents)
        return receptors.Case(
            "", self.parameter("tau_mem"), tuple(self.taus.values()), self.parameter("v_threshold"),
            v_leak + self.parameter("current"), v, i, a, self.parameter("tau_threshold", mpf(1)),
            self.parameter("coupling", mpf(0)), threshold,
            (self.parameter("tau_1", mpf(1)), self.parameter("tau_2", mpf(1))), j, v_leak,
        )  # fmt: skip

    @mpmath.workdps(MANY_DIGITS)  # type: ignore[untyped-decorator]  # mpmath has no types
    def moved(self, state: tuple[Any, ...], s: Any, held: bool) -> tuple[Any, ...]:
        if s == 0:
            return state
        case, (v, threshold, i, a, j) = self.case(state), state
        left = [mpmath.exp(-s / tau) for tau in case.tau_syn]
        each = list(zip(i, a, case.tau_syn, left, strict=True))
        currents = (
            tuple((one + more * mpmath.e / tau * s) * factor for one, more, tau, factor in each),
            tuple(more * factor for _, more, _, factor in each),
            tuple(one * mpmath.exp(-s / tau) for one, tau in zip(j, case.tau_after, strict=True)),
        )
        if held:
            limit = case.v_threshold + case.coupling * (v - case.v_leak)
            return v, limit + (threshold - limit) * mpmath.exp(-s / case.tau_threshold), *currents
        return *(part(s) for part in receptors.potentials(case)), *currents

    @mpmath.workdps(MANY_DIGITS)  # type: ignore[untyped-decorator]
    def wait(self, state: tuple[Any, ...]) -> Any:
        """A neuron that is above its threshold when it is released fires then."""
        return mpf(0) if state[0] >= state[1] else receptors.solve(self.case(state)).time

    def receive(self, t: Any, weight: Any, receptor: str) -> bool:
        self.advance(t)
        v, threshold, i, a, j = self.state
        k = self.names.index(receptor)
        if self.model.startswith("lif_alpha"):
            a = (*a[:k], a[k] + weight, *a[k + 1 :])
        else:
            i = (*i[:k], i[k] + weight, *i[k + 1 :])
        self.state = (v, threshold, i, a, j)
        return True

    def after_spike(self) -> None:
        _, threshold, i, a, j = self.state
        if self.model.startswith("glif"):
            threshold = max(threshold, self.parameter("threshold_reset")) + self.parameter("threshold_jump")
            j = tuple(self.parameter(f"kept_{k}") * one + self.parameter(f"after_{k}") for k, one in enumerate(j, 1))
        self.state = (self.parameter("v_reset"), threshold, i, a, j)


RATIONAL = {name: naive.MODELS[name] for name in naive.EXACT if name != "lif_delta"} | {"relay": Relay}
MODELS = RATIONAL | {"lif_delta": LifDelta, "qif": Qif, "glif": Glif} | dict.fromkeys(crossings.MODELS, Current)
WITH_RECEPTORS = " with receptors"  # behind the name of a model
MODELS |= {name + WITH_RECEPTORS: Receptors for name in ("lif_exp", "lif_alpha", "glif")}
