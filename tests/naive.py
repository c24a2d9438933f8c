"""A slow, obvious simulator of spiking networks: the oracle that the tests hold both engines against.

It relies on the standard library alone and imports nothing of eventsim, so that no mistake can be shared.
Everything pending sits in plain lists, the next time is found by scanning them (O(N) per event), and every
neuron is an object of its own with its own time of last update. ``test_naive.py`` holds it against closed forms.
Numbers may be ``float`` or ``Fraction``, none is converted (``math.inf`` = never): with Fractions the linear
models give exact rational spike times. Only ``lif_delta`` and ``lif_exp`` need exp and always end in floats, the
latter accurate to about ten digits: it is integrated and searched, not solved.

The order of events at one time t (micro-steps n = 0, 1, ...; all intervals are half-open [start, end)):

0. spikes of the sources at t are emitted, from outside (a zero delay arrives at (t, 0));
1. stored crossings with tc = t fire;
2. intervals ending at t end (windows, refractoriness), then ``next_step`` clocks tick (n = 0 only);
3. arrivals at (t, n) are folded in the order (source node, source index, projection, target, weight);
   then the clocks whose rank is n tick;
4. every neuron that 1, 2 or 3 touched is tested, and fires now or stores its next crossing;
5. all spikes of this micro-step are emitted in (node, neuron) order (a zero delay arrives at (t, n + 1)).
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

Number = float | Fraction


@dataclass
class Node:
    """A source or a population of ``n`` neurons."""

    name: str
    n: int
    kind: str  # "source" or "population"
    model: str | None = None
    parameters: dict[str, list] = field(default_factory=dict)  # one list of length n per name
    window: tuple | None = None  # (t_start, t_min, t_max)
    changes: list[tuple] = field(default_factory=list)  # (t, the current of each neuron from then on), in order


@dataclass
class Projection:
    """Synapses (source index, target index, weight), in any order, that share one delay >= 0.

    Or, ``spread``, each with a delay of its own behind its weight, of which `delay` is the least. Neurons with
    receptors are told which one its weights reach.
    """

    pre: str
    post: str
    delay: Number
    synapses: list[tuple]
    spread: bool = False
    receptor: str | None = None


@dataclass
class Result:
    """What a run did; premature, late: spikes before, deliveries at or after the population's own t_min."""

    sizes: dict[str, int]
    spikes: list[tuple[Number, str, int]] = field(default_factory=list)  # in event order, sources included
    readout: dict[str, list] = field(default_factory=dict)  # potentials of integrators at t_min, None if not reached
    visited: int = 0  # synaptic deliveries that arrived
    nominal: int = 0  # spikes times fan-out
    premature: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)

    def first(self, node: str) -> list[Number]:
        """First spike time of each neuron of the node called ``node``; ``math.inf`` = silent."""
        trains = [[t for t, name, j in self.spikes if (name, j) == (node, i)] for i in range(self.sizes[node])]
        return [min(train, default=math.inf) for train in trains]


@dataclass
class Packet:
    """One spike on its way through one projection, due at micro-step ``n`` of time ``t``."""

    t: Number
    n: int
    order: tuple[int, int, int]  # (source node, source index, projection)
    post: str
    synapses: list[tuple[int, Number]]  # (target, weight), sorted
    receptor: tuple[str, ...] = ()  # the one that they reach, if there are several


class Neuron:
    """What all neurons have in common: the stored ``crossing``, and the interval ``ends`` still to come.

    ``receive`` and ``interval_end`` return whether step 4 has to test the neuron; ``test`` returns whether it
    fires now, and stores the next crossing if it does not; ``fire`` is what a spike does to its own neuron.
    """

    def __init__(self, node: Node, order: int, i: int):
        self.node, self.order, self.i = node, order, i
        self.v = 0
        self.crossing = math.inf
        self.ends, self.changes = [], []
        self.last_spike = None
        self.windowed = node.window is not None

    def parameter(self, name, default=None):
        if name not in self.node.parameters and default is not None:
            return default
        return self.node.parameters[name][self.i]


class LinearPsp(Neuron):
    """V' = S; an arrival adds its weight to S; one spike per neuron; from t_max on (if any) nothing happens."""

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.s, self.closed = 0, False
        self.t_start, self.t_min, self.t_max = node.window or (-math.inf, math.inf, math.inf)
        self.t_last = self.t_start if node.window else 0
        self.ends = [self.t_start, self.t_min] if node.window else []

    def advance(self, t):
        if t != self.t_last:
            self.v = self.v + self.s * (t - self.t_last)
            self.t_last = t

    def receive(self, t, weight):
        if self.closed or t >= self.t_max:
            return False
        if t > self.t_start:  # before t_start V is held at 0, and the state's time is t_start
            self.advance(t)
        self.s = self.s + weight
        return t >= self.t_start

    def test(self, t):
        if self.closed:
            return False
        if t == self.t_start and self.v >= self.parameter("threshold"):  # initialised at or above threshold
            return True
        tc = math.inf
        if self.s > 0:
            distance = self.parameter("threshold") - self.v
            tc = t + (distance / self.s if distance > 0 else 0)
        self.crossing = tc if tc < self.t_max else math.inf
        return self.crossing <= t

    def fire(self, t):
        self.closed, self.crossing = True, math.inf


class TtfsAlpha1(LinearPsp):
    """The slope starts at alpha; at t_min it becomes ``slope`` (silent inputs join); later inputs are added."""

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.s = self.parameter("alpha", 1)

    def interval_end(self, t):
        if t == self.t_min:
            self.advance(t)
            self.s = self.parameter("slope")
        return True


class TtfsB1(LinearPsp):
    """At t_min the slope becomes ``slope``, and arrivals from then on change nothing."""

    def receive(self, t, weight):
        return t < self.t_min and super().receive(t, weight)

    def interval_end(self, t):
        if t == self.t_min:
            self.advance(t)
            self.s = self.parameter("slope", 1)
        return True


class FallingThreshold(LinearPsp):
    """No spike before t_min; then the threshold falls, which is as if V rose; above it at t_min it fires there."""

    open = False

    def interval_end(self, t):
        if t == self.t_min:
            self.advance(t)
            self.s, self.open = self.s + self.parameter("decline"), True
        return True

    def test(self, t):
        if not self.open or self.closed:
            return False
        missing = self.parameter("threshold") - self.v
        if t == self.t_min and missing <= 0:
            return True
        tc = t + (missing / self.s if missing > 0 else 0) if self.s > 0 else math.inf
        self.crossing = tc if tc < self.t_max else math.inf
        return self.crossing <= t


class Integrator(LinearPsp):
    """Integrates from t_start on with initial slope ``drift``, never spikes, is read and closed at t_min."""

    readout = None

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.s = self.parameter("drift")
        self.ends, self.t_max = [self.t_min], math.inf

    def interval_end(self, t):
        self.advance(t)
        self.readout, self.closed = self.v, True
        return False

    def test(self, t):
        return False


class Relay(Neuron):
    """Counts arrivals, and spikes once, at the one that makes their weights reach ``count``; knows no window."""

    heard, passed = 0, False

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.windowed = False

    def receive(self, t, weight):
        self.heard += weight
        return not self.passed

    def test(self, t):
        return not self.passed and self.heard >= self.parameter("count")

    def fire(self, t):
        self.passed = True


class LifDelta(Neuron):
    """tau_mem V' = v_inf - V with v_inf = v_leak + current; an arrival adds its weight to V."""

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.tau_mem, self.v_threshold = self.parameter("tau_mem"), self.parameter("v_threshold")
        self.v_inf = self.parameter("v_leak") + self.parameter("current")
        self.changes = [(t, self.parameter("v_leak") + currents[i]) for t, currents in node.changes]  # still to come
        self.v, self.t_last, self.refractory = self.parameter("v_init"), 0, False
        self.soft = {"soft": True, "hard": False}[self.parameter("reset", "hard")]
        self.once = {"many": False, "once": True}[self.parameter("spikes", "many")]
        self.ends, self.t_end = [t for t, _ in self.changes], math.inf
        self.crossing = 0 + self.time_to_spike()

    def time_to_spike(self):
        if self.v_inf <= self.v_threshold:  # a threshold reached only in the limit is never reached
            return math.inf
        if self.v >= self.v_threshold:
            return 0
        return self.tau_mem * math.log1p((self.v_threshold - self.v) / (self.v_inf - self.v_threshold))

    def relax(self, t):
        self.v = self.v + (self.v_inf - self.v) * -math.expm1(-(t - self.t_last) / self.tau_mem)
        self.t_last = t

    def receive(self, t, weight):
        if self.refractory:
            return False
        if t != self.t_last:
            self.relax(t)
        self.v = self.v + weight
        return True

    def interval_end(self, t):
        if self.refractory and t == self.t_end:
            self.refractory, self.t_last = False, t
        if self.changes and self.changes[0][0] == t:
            if not self.refractory and t != self.t_last:
                self.relax(t)
            self.v_inf = self.changes.pop(0)[1]
        return True

    def test(self, t):
        if self.refractory:
            return False
        self.crossing = t + self.time_to_spike()
        return self.v >= self.v_threshold or self.crossing <= t

    def fire(self, t):
        if t != self.t_last:
            self.relax(t)
        self.v = self.v - self.v_threshold if self.soft else self.parameter("v_reset")
        self.t_last, self.crossing = t, math.inf
        self.rest(t)
        if not self.refractory and self.v >= self.v_threshold:
            self.crossing = t  # once more, which is an error

    def rest(self, t):
        self.t_end = t + (math.inf if self.once else self.parameter("t_ref"))
        self.refractory = self.t_end > t
        self.ends = [change for change, _ in self.changes] + [self.t_end] * (t < self.t_end < math.inf)


class StepPsp(LifDelta):
    """V stays where it is; an arrival adds its weight to V."""

    def __init__(self, node, order, i):
        Neuron.__init__(self, node, order, i)
        self.v_threshold, self.strict = self.parameter("v_threshold"), self.parameter("strict")
        self.soft = {"soft": True, "hard": False}[self.parameter("reset")]
        self.once = {"many": False, "once": True}[self.parameter("spikes")]
        self.v, self.refractory = self.parameter("v_init"), False

    def above(self):
        return self.v > self.v_threshold if self.strict else self.v >= self.v_threshold

    def receive(self, t, weight):
        if self.refractory:
            return False
        self.v = self.v + weight
        return True

    def interval_end(self, t):
        self.refractory = False
        return True

    def test(self, t):
        return not self.refractory and self.above()

    def fire(self, t):
        self.v = self.v - self.v_threshold if self.soft else self.parameter("v_reset")
        self.rest(t)
        self.crossing = t if not self.refractory and self.above() else math.inf


class IfDelta(StepPsp):
    """V' = current; an arrival adds its weight to V."""

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.current, self.t_last, self.t_end = self.parameter("current"), 0, math.inf
        self.changes = [(t, currents[i]) for t, currents in node.changes]  # still to come
        self.ends = [t for t, _ in self.changes]
        self.crossing = 0 + self.time_to_spike()

    def time_to_spike(self):
        if self.above():
            return 0
        return (self.v_threshold - self.v) / self.current if self.current > 0 else math.inf

    def relax(self, t):
        self.v, self.t_last = self.v + self.current * (t - self.t_last), t

    def receive(self, t, weight):
        if self.refractory:
            return False
        self.relax(t)
        return super().receive(t, weight)

    def interval_end(self, t):
        if self.refractory and t == self.t_end:
            self.refractory, self.t_last = False, t
        if self.changes and self.changes[0][0] == t:
            if not self.refractory:
                self.relax(t)
            self.current = self.changes.pop(0)[1]
        return True

    def test(self, t):
        if self.refractory:
            return False
        self.crossing = t + self.time_to_spike()
        return self.crossing <= t

    def fire(self, t):
        self.relax(t)
        super().fire(t)


GAUSS_LEGENDRE = (  # nodes and weights on [-1, 1]
    (-0.9491079123427585, 0.1294849661688697),
    (-0.7415311855993945, 0.2797053914892767),
    (-0.4058451513773972, 0.3818300505051189),
    (0.0, 0.4179591836734694),
    (0.4058451513773972, 0.3818300505051189),
    (0.7415311855993945, 0.2797053914892767),
    (0.9491079123427585, 0.1294849661688697),
)


class LifExp(Neuron):
    """tau_mem V' = v_inf - V + r I, tau_syn I' = -I; an arrival adds its weight to I; V is held after a spike.

    V comes from a quadrature of I, its crossing from a walk in small steps and bisection: no formula is needed.
    Steps are a quarter of the shorter time constant; where V turns inside one, it is cut there.
    """

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.tau_mem, self.tau_syn, self.r = (self.parameter(name) for name in ("tau_mem", "tau_syn", "r"))
        self.v_threshold = self.parameter("v_threshold")
        self.v_inf = self.parameter("v_leak") + self.parameter("current")
        self.v, self.current = self.parameter("v_init"), self.parameter("i_init", 0.0)
        self.t_last, self.held_until = 0, 0
        self.step = min(self.tau_mem, self.tau_syn) / 4
        self.crossing = 0 + self.time_to_spike()

    def later(self, v, current, s):
        """(V, I) a time s <= step later."""
        places = [((1 + x) / 2 * s, w / 2 * s) for x, w in GAUSS_LEGENDRE]
        moved = sum(w * math.exp((x - s) / self.tau_mem - x / self.tau_syn) for x, w in places)
        v = self.v_inf + (v - self.v_inf) * math.exp(-s / self.tau_mem) + self.r / self.tau_mem * current * moved
        return v, current * math.exp(-s / self.tau_syn)

    def advance(self, t):
        held = min(t, self.held_until) - self.t_last
        if held > 0:
            self.current, self.t_last = self.current * math.exp(-held / self.tau_syn), self.t_last + held
        while self.t_last < t:
            s = min(self.step, t - self.t_last)
            self.v, self.current = self.later(self.v, self.current, s)
            self.t_last = t if s < self.step else self.t_last + s
        self.t_last = t

    def rises(self, v, current):
        return self.v_inf - v + self.r * current > 0

    def bisect(self, v, current, high, before):
        """The last time in [0, high] at which ``before(V, I)`` still holds."""
        low = 0.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if before(*self.later(v, current, middle)) else (low, middle)
        return high

    def time_to_spike(self):
        """Zero where V is at the threshold and rises, which only rounding can bring about."""
        v, current, s = self.v, self.current, 0.0
        if self.v >= self.v_threshold and self.rises(v, current):
            return 0
        end = 60 * max(self.tau_mem, self.tau_syn)
        while s < end and max(v, self.v_inf) + max(self.r * current, 0) >= self.v_threshold:
            ahead = self.later(v, current, self.step)
            step = self.step
            if self.rises(v, current) and not self.rises(*ahead):
                step = self.bisect(v, current, step, self.rises)
                ahead = self.later(v, current, step)
            if self.rises(v, current) and ahead[0] >= self.v_threshold:
                return s + self.bisect(v, current, step, lambda v, _: v < self.v_threshold)
            (v, current), s = ahead, s + step
        return math.inf

    def receive(self, t, weight):
        self.advance(t)
        self.current = self.current + weight
        return True

    def test(self, t):
        if self.held_until == math.inf:
            self.crossing = math.inf
            return False
        kept = self.v, self.current, self.t_last
        self.advance(max(t, self.held_until))
        self.crossing = self.t_last + self.time_to_spike()
        self.v, self.current, self.t_last = kept
        return self.crossing <= t

    def fire(self, t):
        self.advance(t)
        self.v, self.crossing = self.parameter("v_reset"), math.inf
        once = {"many": False, "once": True}[self.parameter("spikes")]
        self.held_until = math.inf if once else t + self.parameter("t_ref")


class LifClocked(Neuron):
    """Buffers arrivals until its tick k at k * period: synapse, leak and input, a reset that is due, then one test."""

    def __init__(self, node, order, i):
        super().__init__(node, order, i)
        self.period = self.parameter("period")
        self.same_step = {"same_step": True, "next_step": False}[self.parameter("sees")]
        self.k, self.rank, self.buffer, self.i_syn = 0, 0, 0, 0  # k: the tick to come; rank: its micro-step
        self.due, self.fired = False, False  # a reset at the next tick; it has fired before

    def receive(self, t, weight):
        self.buffer = self.buffer + weight
        return False

    def tick(self):
        self.k += 1
        if self.due and self.parameter("resets") == "before_leak":
            self.lower()
        decay, x = self.parameter("decay"), self.buffer + self.parameter("bias")
        x = self.i_syn = self.parameter("decay_syn", 0) * self.i_syn + x
        after_input = {"before_input": False, "after_input": True}[self.parameter("leaks", "before_input")]
        self.v = decay * (self.v + x) if after_input else decay * self.v + x
        self.buffer = 0
        if self.due:
            self.lower()
        if self.fired and self.parameter("spikes", "many") == "once":
            return False
        threshold = self.parameter("v_threshold")
        return self.v > threshold if self.parameter("strict") else self.v >= threshold

    def fire(self, t):
        self.fired = True
        self.due = {"at_spike": False, "next_tick": True, "before_leak": True}[self.parameter("resets", "at_spike")]
        if not self.due:
            self.lower()

    def lower(self):
        self.due = False
        soft = {"soft": True, "hard": False}[self.parameter("reset")]
        self.v = self.v - self.parameter("v_threshold") if soft else self.parameter("v_reset")


MODELS = {"linear_psp": LinearPsp, "ttfs_alpha1": TtfsAlpha1, "ttfs_b1": TtfsB1, "integrator": Integrator}
MODELS |= {"relay": Relay, "falling_threshold": FallingThreshold, "step_psp": StepPsp}
MODELS |= {"if_delta": IfDelta, "lif_delta": LifDelta, "lif_clocked": LifClocked}
EXACT = tuple(MODELS)  # to the last bit of what the equations' closed forms give in floats
MODELS |= {"lif_exp": LifExp}


def clock_ranks(nodes: list[Node], projections: list[Projection]) -> dict[str, int]:
    """Longest zero-delay path to each clocked population from one; in cycles only hops to later nodes count."""
    order = {node.name: k for k, node in enumerate(nodes)}
    hops = {(p.pre, p.post) for p in projections if p.delay == 0}
    paths = set(hops)  # (a, b): some zero-delay path leads from a to b
    for _ in nodes:
        paths |= {(a, d) for a, b in paths for c, d in hops if b == c}
    kept = [(a, b) for a, b in hops if order[a] < order[b] or (b, a) not in paths]
    clocked = {node.name for node in nodes if node.model == "lif_clocked"}

    def longest(name):
        """Hops of the longest kept path from a clocked population to ``name``; -inf if there is none."""
        return max([0 if name in clocked else -math.inf] + [longest(a) + 1 for a, b in kept if b == name])

    return {name: longest(name) for name in clocked}


class Simulation:
    """One run: the neurons, what is pending, and the result so far."""

    def __init__(self, nodes, projections, stimulus, models):
        self.nodes, self.projections = nodes, projections
        self.members = {
            node.name: [models[node.model](node, order, i) for i in range(node.n)]
            for order, node in enumerate(nodes)
            if node.kind == "population"
        }
        self.neurons = [neuron for members in self.members.values() for neuron in members]
        self.clocked = [neuron for neuron in self.neurons if isinstance(neuron, LifClocked)]
        ranks = clock_ranks(nodes, projections)
        for neuron in self.clocked:
            neuron.rank = ranks[neuron.node.name] if neuron.same_step else 0
        self.packets = []
        self.stimuli = []  # (t, source node, neuron), without the silent neurons
        for order, node in enumerate(nodes):
            for i, times in enumerate(stimulus.get(node.name, [])):
                self.stimuli += [(t, order, i) for t in times if t != math.inf]
        sizes, zeros = {node.name: node.n for node in nodes}, dict.fromkeys(self.members, 0)
        self.result = Result(sizes, premature=dict(zeros), late=dict(zeros))

    def next_time(self):
        """The earliest time at which anything is pending; ``math.inf`` if nothing is."""
        times = [t for t, _, _ in self.stimuli]
        times += [packet.t for packet in self.packets]
        times += [neuron.crossing for neuron in self.neurons]
        times += [end for neuron in self.neurons for end in neuron.ends]
        times += [neuron.k * neuron.period for neuron in self.clocked]
        return min(times, default=math.inf)

    def run(self, until):
        t = self.next_time()
        while t != math.inf and (until is None or t < until):
            self.source_spikes(t)
            n = 0
            while n == 0 or any(p.t == t for p in self.packets) or any(c.k * c.period == t for c in self.clocked):
                self.micro_step(t, n)
                n += 1
            t = self.next_time()
        for node in [node for node in self.nodes if node.model == "integrator"]:
            self.result.readout[node.name] = [neuron.readout for neuron in self.members[node.name]]
        return self.result

    def source_spikes(self, t):
        """Emit, from outside, what the stimulus has at ``t``, in (source, neuron) order."""
        due = sorted((order, i) for when, order, i in self.stimuli if when == t)
        self.stimuli = [spike for spike in self.stimuli if spike[0] != t]
        for order, i in due:
            if due.count((order, i)) > 1:
                raise ValueError(f"{self.nodes[order].name}[{i}] emits twice at t = {t}")
            self.emit(order, i, t, 0)

    def micro_step(self, t, n):
        fired, touched = [], []
        if n == 0:
            for neuron in self.neurons:  # 1. stored crossings
                if neuron.crossing == t:
                    self.fire(neuron, t, fired)
                    touched.append(neuron)  # without refractoriness its next crossing is predicted at once
            for neuron in self.neurons:  # 2. interval ends
                if t in neuron.ends:
                    neuron.ends = [end for end in neuron.ends if end > t]
                    if neuron.interval_end(t):
                        touched.append(neuron)
            self.tick(t, n, False, fired)
        touched += self.arrivals(t, n)  # 3.
        self.tick(t, n, True, fired)
        for neuron in touched:  # 4. (for a neuron that is in the list twice nothing is new the second time)
            while neuron.test(t):
                self.fire(neuron, t, fired)
        for neuron in sorted(fired, key=lambda neuron: (neuron.order, neuron.i)):  # 5.
            self.emit(neuron.order, neuron.i, t, n + 1, neuron)

    def arrivals(self, t, n):
        """Fold the packets due at (t, n) one after another; return the neurons to be tested."""
        due = sorted((p for p in self.packets if p.t == t and p.n == n), key=lambda packet: packet.order)
        self.packets = [p for p in self.packets if not (p.t == t and p.n == n)]
        touched = []
        for packet in due:
            for j, weight in packet.synapses:
                neuron = self.members[packet.post][j]
                self.result.visited += 1
                self.result.late[packet.post] += neuron.windowed and t >= neuron.node.window[1]
                if neuron.receive(t, weight, *packet.receptor):
                    touched.append(neuron)
        return touched

    def tick(self, t, n, same_step, fired):
        for neuron in self.clocked:
            due = neuron.k * neuron.period == t and neuron.rank == n and neuron.same_step == same_step
            if due and neuron.tick():
                self.fire(neuron, t, fired)

    def fire(self, neuron, t, fired):
        if neuron.last_spike == t:
            raise ValueError(f"{neuron.node.name}[{neuron.i}] emits twice at t = {t}")
        neuron.last_spike = t
        neuron.fire(t)
        fired.append(neuron)
        self.result.premature[neuron.node.name] += neuron.windowed and t < neuron.node.window[1]

    def emit(self, order, i, t, n, neuron=None):
        """Record a spike (of a source if there is no ``neuron``) and send it; without delay it is due at (t, n)."""
        name = self.nodes[order].name
        self.result.spikes.append((t, name, i))
        for k, projection in enumerate(self.projections):
            if projection.pre == name:
                mine = [(target, weight, *own) for source, target, weight, *own in projection.synapses if source == i]
                self.result.nominal += len(mine)
                together = {}
                for delay in sorted({own for _, _, own in mine}) if projection.spread else [projection.delay]:
                    synapses = sorted((target, weight) for target, weight, *own in mine if own in ([], [delay]))
                    if t + delay == t and delay > 0 and not isinstance(neuron, LifClocked):
                        raise ValueError(f"{name}[{i}]: its delay {delay} is lost by rounding at t = {t}")
                    together.setdefault(t + delay if delay > 0 else t, (delay, []))[1].extend(synapses)
                for due, (delay, synapses) in together.items():  # delays that round to one arrival are one packet
                    arrival = due
                    counted = (
                        isinstance(neuron, LifClocked) and delay <= 2**53 * neuron.period
                    )  # ticks are whole numbers
                    m = round(delay / neuron.period) if counted else 0
                    if m >= 1 and m * neuron.period == delay:  # a delay of m ticks; k is the tick to come
                        arrival = (neuron.k - 1 + m) * neuron.period
                    if delay > 0 and arrival == t:
                        raise ValueError(f"{name}[{i}]: its delay {delay} is lost by rounding at t = {t}")
                    place = order, i, k, delay
                    receptor = () if projection.receptor is None else (projection.receptor,)
                    due_in = 0 if delay > 0 else n
                    self.packets.append(Packet(arrival, due_in, place, projection.post, synapses, receptor))


def simulate(
    nodes: list[Node], projections: list[Projection], stimulus: dict[str, list], until=None, models=None
) -> Result:
    """Run the network on ``stimulus`` (per source, per neuron, a list of spike times) over all events t < until.

    ``until=None`` runs until nothing is left. ``models``: other neurons by name than those of this file. ValueError
    names the neuron that emits twice at one time or whose positive delay is lost by rounding. LIF neurons begin at
    t = 0: no spike may come before.
    """
    if until is None and any(node.model == "lif_clocked" for node in nodes):
        raise ValueError("until: required, since a clocked population ticks for ever")
    return Simulation(nodes, projections, stimulus, models or MODELS).run(until)
