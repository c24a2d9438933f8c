"""The exact spikes that trainers are held against: equal to those of 40 digits, for each of the networks."""

import itertools
from typing import Any

import numpy as np
import pytest
import trainers_networks
from mpmath import exp, log, mp, mpf
from trainers_networks import Case

SAMPLES = 2  # of each network
ROUNDING = 1e-12  # of a time up to 40; where a potential grazes its threshold, ever more


class Neuron:
    """One neuron between inputs: V(s) and its slope, of 40 digits, from V and I at the beginning."""

    def __init__(self, case: Case) -> None:
        self.tau_mem, self.tau_syn = mpf(case.tau_mem), mpf(case.tau_syn)
        self.v, self.i = mpf(0), mpf(0)

    def potential(self, s: Any) -> Any:
        decay = exp(-s / self.tau_mem)
        if self.tau_mem == self.tau_syn:
            return (self.v + self.i * s / self.tau_mem) * decay
        share = self.tau_syn / (self.tau_mem - self.tau_syn)
        return self.v * decay + self.i * share * (decay - exp(-s / self.tau_syn))

    def peak(self) -> Any:
        """When V turns, if it does so at s > 0; else 0."""
        if self.tau_mem == self.tau_syn:
            return self.tau_mem * (1 - self.v / self.i) if self.i else mpf(0)
        share = self.tau_syn / (self.tau_mem - self.tau_syn)
        slow, fast = (self.v + self.i * share) / self.tau_mem, self.i * share / self.tau_syn
        if slow * fast <= 0:
            return mpf(0)
        return log(fast / slow) / (1 / self.tau_syn - 1 / self.tau_mem)

    def crossing(self, end: Any) -> Any:
        """The first s in (0, end] at which V reaches 1 from below; None."""
        turns = [mpf(0), *[s for s in (self.peak(),) if 0 < s < end], end]
        for low, high in itertools.pairwise(turns):
            if self.potential(low) < 1 <= self.potential(high):
                a, b = low, high
                for _ in range(140):
                    middle = (a + b) / 2
                    a, b = (middle, b) if self.potential(middle) < 1 else (a, middle)
                return b
        return None

    def advance(self, s: Any) -> None:
        self.v, self.i = self.potential(s), self.i * exp(-s / self.tau_syn)


def spikes_of(case: Case, weights: Any, trains: list[list[Any]]) -> list[list[Any]]:
    """The trains of a layer without recurrent weights."""
    events = sorted((t, k) for k, train in enumerate(trains) for t in train)
    found: list[list[Any]] = []
    for row in weights:
        neuron, now = Neuron(case), mpf(0)
        mine: list[Any] = []
        for t, k in [*events, (mpf(trainers_networks.UNTIL), None)]:
            while (s := neuron.crossing(t - now)) is not None and not (case.once and mine):
                neuron.advance(s)
                now += s
                mine.append(now)
                neuron.v = mpf(0)
            neuron.advance(t - now)
            now = t
            neuron.i += mpf(float(row[k])) if k is not None else 0
        found.append(mine)
    return found


@pytest.mark.parametrize("name", [name for name, case in trainers_networks.cases().items() if case.back is None])
def test_exact_spikes_are_those_of_40_digits(name: str) -> None:
    case = trainers_networks.cases()[name]
    case = case._replace(trains=case.trains[:SAMPLES])
    run = trainers_networks.exact(case)
    with mp.workdps(40):
        for sample, given in enumerate(case.trains):
            trains: list[list[Any]] = [[mpf(t) for t in train] for train in given]
            for layer, weights in zip(case.names, case.weights, strict=True):
                trains = spikes_of(case, weights, trains)
                order = run.populations.index(layer)
                spikes = run.spikes[(run.spikes["sample"] == sample) & (run.spikes["population"] == order)]
                for neuron, expected in enumerate(trains):
                    seen = spikes["time"][spikes["neuron"] == neuron].tolist()
                    assert len(seen) == len(expected), (layer, neuron)
                    for t, true in zip(seen, expected, strict=True):
                        # With a peak 1e-k above the threshold, 1e-16 of the potential is 1e-16 / sqrt(1e-k) of time.
                        assert abs(t - true) < ROUNDING * (1e3 if name == "grazing" else 1.0)


def test_a_spike_that_a_trainer_misses_or_moves_is_counted() -> None:
    case = trainers_networks.early()
    run = trainers_networks.exact(case)
    times = run.spikes["time"][run.spikes["population"] == 1].tolist()
    trains = [[t] for t in times]
    trains[0], trains[1], trains[2] = [], [times[1] + 0.5], [times[2] - 0.25]
    counts = trainers_networks.held(case, {"layer1": [trains]}, run).by_population["layer1"]
    assert (counts["only_a"], counts["only_b"], counts["earlier"], counts["later"]) == (1, 0, 1, 1)
    assert counts["largest"] == pytest.approx(0.5)


def test_potentials_are_above_their_thresholds_as_long_as_said() -> None:
    case = trainers_networks.early()
    run = trainers_networks.exact(case)
    inhibited = np.array([train[0] for train in case.trains[0][1:]])
    widths = inhibited - run.spikes["time"][run.spikes["population"] == 1]
    assert widths == pytest.approx(np.array(trainers_networks.WIDTHS), rel=1e-9)
