"""Do the random networks of the tests see anything? Of each strategy the share of cases in which something happens.

A test of random networks that never spike cannot fail. The shares are those of the cases that every test run tries.
"""

from collections.abc import Callable
from typing import Any

import pytest
import strategies
from adapters import outcome
from hypothesis import HealthCheck, Phase, given, settings
from strategies import Case

N_CASES = 100
NETWORKS = {
    "dense_ttfs": strategies.dense_ttfs(),
    "recurrent_lif": strategies.recurrent_lif(),
    "travelling": strategies.travelling(),
    "recurrent_exponential": strategies.recurrent_exponential(),
    "clocked": strategies.clocked(),
    "jumping": strategies.jumping(),
    "mixed": strategies.mixed(),
    "recurrent_glif": strategies.recurrent_glif(),
    "convolutional": strategies.convolutional(),
    "large": strategies.large(),
}


def seen(strategy: Any, look: Callable[[Case], Any]) -> list[Any]:
    """What `look` returns for each of the cases that tests try."""
    found: list[Any] = []

    @settings(
        max_examples=N_CASES, derandomize=True, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def every(case: Case) -> None:
        found.append(look(case))

    every()
    return found


def spikes_of_populations(case: Case) -> int:
    run = outcome(case.net, case.x, engine="reference", until=case.until, max_events=2_000).run
    return sum(run.counters["by_population"][population.name]["spikes"] for population in case.net.populations)


@pytest.mark.parametrize("name", NETWORKS)
def test_most_random_networks_spike_and_many_often(name: str) -> None:
    spikes = seen(NETWORKS[name], spikes_of_populations)
    assert len(spikes) >= N_CASES // 2
    assert sum(n > 0 for n in spikes) >= 0.75 * len(spikes)
    assert sum(n > 3 for n in spikes) >= 0.5 * len(spikes)


def test_large_networks_cross_the_block_of_the_engine() -> None:
    """A cohort is looked at 64 neurons at a time: sizes below, at and above one and two blocks."""
    sizes = {max(p.size for p in case.net.populations) for case in seen(NETWORKS["large"], lambda case: case)}
    assert sizes == set(strategies.AROUND_BLOCKS)
