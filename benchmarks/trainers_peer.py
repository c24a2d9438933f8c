"""Published trainers of spike times on small networks: their spikes against the exact ones, and the rules behind.

python benchmarks/trainers_peer.py prints the tables of docs/explanation/trainers.md. Needs the extra `trainers`
(`make trainers`); a package that is missing is left out.
"""

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import trainers_jax
import trainers_networks
import trainers_torch
from trainers_networks import Case, Found

import eventsim

FINE = 40_001  # points, 20 times the usual


class Variant(NamedTuple):
    """A trainer with settings: the module that it needs, what it can express, its spikes."""

    module: str
    trainer: str
    setting: str
    expresses: Callable[[Case], bool]
    spikes: Callable[[Case], Found]

    @property
    def installed(self) -> bool:
        """Can its package be imported here?"""
        return importlib.util.find_spec(self.module) is not None


def first_spikes(case: Case) -> bool:
    """Does each neuron fire at most once?"""
    return case.once


def unequal(case: Case) -> bool:
    """The same, with two different time constants."""
    return case.once and case.tau_mem != case.tau_syn


def one_layer(case: Case) -> bool:
    """Spike trains of one layer without weights to itself."""
    return not case.once and case.back is None


def two_ratios(case: Case) -> bool:
    """Is the ratio of the time constants 1 or 2?"""
    return case.tau_mem / case.tau_syn in (1.0, 2.0)


def not_grazing(case: Case) -> bool:
    """With small tolerances eventax raises an error where Newton's method finds no root next to a peak."""
    return case.name != "grazing"


def room(case: Case) -> int:
    """More events than a layer has in any sample: inputs, its own spikes, and these again where they come back."""
    if case.once:
        return 40
    return 500 if case.back is None else 1000


def jaxsnn(case: Case, dtype: str = "float32") -> Found:
    """With as much room as the network needs, since there is no default."""
    return trainers_jax.jaxsnn(case, dtype=dtype, room=room(case))


SNN, SNN_EVENT, SNN_MANY, SNN_RESET = (f"exact-snn-nn {name}" for name in ("grid", "event", "many", "reset"))
VARIANTS = (
    Variant("exact_snn", SNN, "default", first_spikes, trainers_torch.exact_snn),
    Variant("exact_snn", SNN, "float64, 40,001 points", first_spikes,
            partial(trainers_torch.exact_snn, dtype="float64", grid=FINE)),
    Variant("exact_snn", SNN_EVENT, "default", unequal, partial(trainers_torch.exact_snn, events=True)),
    Variant("exact_snn", SNN_EVENT, "float64", unequal,
            partial(trainers_torch.exact_snn, dtype="float64", events=True)),
    Variant("exact_snn", SNN_MANY, "default", one_layer, trainers_torch.exact_snn_many),
    Variant("exact_snn", SNN_MANY, "float64, 40,001 points, 200 spikes", one_layer,
            partial(trainers_torch.exact_snn_many, dtype="float64", grid=FINE, max_spikes=200)),
    Variant("exact_snn", SNN_RESET, "default", one_layer, trainers_torch.exact_snn_reset),
    Variant("exact_snn", SNN_RESET, "dt_scan 0.001", one_layer, partial(trainers_torch.exact_snn_reset, dt_scan=0.001)),
    Variant("exact_event_adjoint", "exact-event-adjoint", "default", unequal, trainers_torch.adjoint),
    Variant("exact_event_adjoint", "exact-event-adjoint", "float64", unequal,
            partial(trainers_torch.adjoint, dtype="float64")),
    Variant("jaxsnn", "jaxsnn", "default", two_ratios, jaxsnn),
    Variant("jaxsnn", "jaxsnn", "float64", two_ratios, partial(jaxsnn, dtype="float64")),
    Variant("eventax", "eventax", "default", lambda _case: True, trainers_jax.eventax),
    Variant("eventax", "eventax", "float64, Tsit5, 10⁻¹⁰", not_grazing,
            partial(trainers_jax.eventax, dtype="float64", tolerance=1e-10, max_events=10_000)),
)  # fmt: skip


class Counts(NamedTuple):
    """What a trainer made of a network, over all layers, neurons and samples."""

    exact: int
    missed: int
    false: int
    early: int
    late: int
    largest: float
    median: float

    @property
    def text(self) -> str:
        """Cells of a table."""
        whole = [f"{count:,}" for count in self[:5]]
        return " | ".join([*whole, f"{self.largest:.1e}", f"{self.median:.1e}"])


def counts(found: eventsim.Comparison) -> Counts:
    """The sums over all layers; of the medians, the largest."""
    layers = found.by_population.values()
    early, late = (sum(layer[key] for layer in layers) for key in ("earlier", "later"))
    largest, median = (max(float(layer[key]) for layer in layers) for key in ("largest", "median"))
    return Counts(found.n_spikes[0], found.only_a, found.only_b, early, late, largest, median)


def judged(variant: Variant, case: Case) -> Counts:
    """One trainer on one network."""
    return counts(trainers_networks.held(case, variant.spikes(case)))


HEAD = "| network | trainer | setting | spikes | missed | false | early | late | largest | median |"


def table() -> Iterator[str]:
    """A row for each network and each variant that can express it."""
    yield from (HEAD, "|---|---|---|---|---|---|---|---|---|---|")
    for case in trainers_networks.cases().values():
        for variant in VARIANTS:
            if variant.installed and variant.expresses(case):
                row = judged(variant, case)
                yield f"| {case.name} | {variant.trainer} | {variant.setting} | {row.text} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
