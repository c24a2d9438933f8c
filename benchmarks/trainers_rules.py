"""The rules of published trainers of spike times, one experiment each: turn the rule, and the difference follows.

python benchmarks/trainers_rules.py prints the second table of docs/explanation/trainers.md. Needs the extra `trainers`.
"""

import importlib.util
import math
from collections.abc import Iterator
from typing import Any

import trainers_jax
import trainers_networks
import trainers_torch
from trainers_networks import Case, Found
from trainers_peer import counts

DOUBLE: dict[str, Any] = {"dtype": "float64"}


def row(rule: str, setting: str, case: Case, found: Found) -> str:
    """A line of the table."""
    seen = counts(trainers_networks.held(case, found))
    return (
        f"| {rule} | {setting} | {seen.exact:,} | {seen.missed:,} | {seen.false:,} | {seen.largest:.1e} | "
        f"{seen.median:.1e} |"
    )


def few(case: Case, n: int = 3) -> Case:
    """The first samples of a network."""
    return case._replace(trains=case.trains[:n])


def twins_apart(case: Case) -> Case:
    """The ties with every other neuron's weights larger by a thousandth, so that no two potentials are equal."""
    changed = []
    for weights in case.weights:
        apart = weights.copy()
        apart[1::2] *= 1.001
        changed.append(apart)
    return case._replace(weights=tuple(changed))


def of_exact_snn() -> Iterator[str]:
    """The grid: its spacing is 40 / (points - 1)."""
    cases = trainers_networks.cases()
    for name, case in (("interpolation", few(cases["chain"])), ("peaks between points", cases["early"])):
        for points in (501, 2001, 8001, 32_001):
            found = trainers_torch.exact_snn(case, grid=points, **DOUBLE)
            yield row(f"exact-snn-nn, {name}", f"float64, {points:,} points", case, found)
    busy = few(cases["busy"], 2)
    for own_units in (False, True):
        found = trainers_torch.exact_snn_many(busy, grid=8001, max_spikes=200, ode_units=own_units, **DOUBLE)
        setting = "float64, 8,001 points, 200 spikes" + (", `k_peak` = 1 / ts" if own_units else "")
        yield row("exact-snn-nn, left current", setting, busy, found)


def of_adjoint() -> Iterator[str]:
    """Where it looks for a crossing."""
    case = trainers_networks.cases()["between"]
    for probes in (0, 5, 20, 80):
        found = trainers_torch.adjoint(case, probes=probes, **DOUBLE)
        yield row("exact-event-adjoint, probes", f"float64, {probes} inputs of weight 0", case, found)


def of_jaxsnn() -> Iterator[str]:
    """Room, ties, and time constants."""
    cases = trainers_networks.cases()
    busy = few(cases["busy"], 1)
    for room in (60, 80, 200, 300):
        yield row("jaxsnn, room", f"float64, n_steps = {room}", busy, trainers_jax.jaxsnn(busy, room=room, **DOUBLE))
    ties = few(cases["ties"])
    for setting, case in (("equal twins", ties), ("twins apart", twins_apart(ties))):
        yield row("jaxsnn, ties", f"float64, {setting}", case, trainers_jax.jaxsnn(case, room=40, **DOUBLE))
    other = few(cases["chain, 15 and 4"])
    yield row("jaxsnn, ratios", "float64, 15 and 4", other, trainers_jax.jaxsnn(other, room=40, **DOUBLE))


def of_eventax() -> Iterator[str]:
    """Steps, tolerances, ties, and events."""
    cases = trainers_networks.cases()
    chain = few(cases["chain"], 1)
    for step in (0.08, 0.04, 0.02):
        found = trainers_jax.eventax(chain, step=step, **DOUBLE)
        yield row("eventax, Euler", f"float64, step {step}", chain, found)
    for tolerance in (1e-4, 1e-7, 1e-10):
        found = trainers_jax.eventax(chain, tolerance=tolerance, **DOUBLE)
        yield row("eventax, tolerance", f"float64, Tsit5, {tolerance:.0e}", chain, found)
    busy = few(cases["busy"], 1)
    for events in (100, 1000):
        found = trainers_jax.eventax(busy, tolerance=1e-10, max_events=events, **DOUBLE)
        yield row("eventax, events", f"float64, Tsit5, max_event_steps = {events:,}", busy, found)


def solver_of_jaxsnn(tau_mem: float, tau_syn: float, weight: float) -> float:
    """When a neuron at rest fires after an input of this weight, as its solver says in float64; inf for never."""
    with trainers_jax.precision("float64"):
        import jax.numpy as jnp
        from jaxsnn.event.solver import ttfs_solver
        from jaxsnn.event.states import LIFState

        state = LIFState(jnp.asarray(0.0), jnp.asarray(weight))
        found = float(ttfs_solver(jnp.asarray(tau_mem), jnp.asarray(tau_syn), 1.0, state, 1e6))
        return found if found < 1e6 else math.inf


def table() -> Iterator[str]:
    """All experiments of the packages that are installed."""
    yield "| rule | setting | spikes | missed | false | largest | median |"
    yield "|---|---|---|---|---|---|---|"
    for module, rows in (
        ("exact_snn", of_exact_snn), ("exact_event_adjoint", of_adjoint), ("jaxsnn", of_jaxsnn),
        ("eventax", of_eventax),
    ):  # fmt: skip
        if importlib.util.find_spec(module) is not None:
            yield from rows()


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
