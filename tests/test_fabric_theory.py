"""The simpy fabric of the tests, held against queueing theory: closed forms within intervals, theorems to the bit.

Intervals and their confidence are those of `queueing_theory`; each is narrow enough to tell one queue from another.
"""

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fabric_data import ARBITERS, Fabric, Injection, Result, Station, Stop
from naive_fabric import simulate
from queueing_theory import interval, md1_finite, md1_waiting, mm1_waiting, priority_waiting

F = Fraction
LOADS = (0.3, 0.5, 0.7)
SERVICE = 0.5


def one_station(times: Any, works: Any, **options: Any) -> Result:
    """Packets with work of their own, each from a source of its own."""
    routes = [(Stop(0, leaf=0, work=work),) for work in works]
    injections = [Injection(time, 0, k, 0) for k, time in enumerate(times)]
    return simulate(Fabric([Station(**options)], routes, injections))


def poisson(load: float, n: int, rng: np.random.Generator) -> list[float]:
    return list(np.cumsum(rng.exponential(SERVICE / load, n)).tolist())


def stationary(result: Result) -> list:
    """Records in the order of arrival, without the first tenth, which has met an empty station."""
    records = sorted(result.log, key=lambda record: (record.entered, record.source))
    return records[len(records) // 10 :]


def waits(records: list) -> list:
    return [record.started - record.entered for record in records if record.started is not None]


# -- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", LOADS)
def test_waiting_with_equal_services_is_that_of_md1(load: float) -> None:
    rng = np.random.default_rng([1, int(10 * load)])
    mean, half = interval(waits(stationary(one_station(poisson(load, 12_000, rng), [SERVICE] * 12_000))))
    truth = md1_waiting(load, SERVICE)
    assert half < 0.2 * truth
    assert abs(mean - truth) < half


@pytest.mark.parametrize("load", LOADS)
def test_waiting_with_exponential_work_is_that_of_mm1(load: float) -> None:
    rng = np.random.default_rng([2, int(10 * load)])
    work = rng.exponential(SERVICE, 15_000).tolist()
    mean, half = interval(waits(stationary(one_station(poisson(load, 15_000, rng), work))))
    truth = mm1_waiting(load, SERVICE)
    assert half < 0.25 * truth
    assert abs(mean - truth) < half


@pytest.mark.parametrize("load", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("places", [2, 4])
def test_loss_and_waiting_with_a_finite_intake_are_those_of_md1k(load: float, places: int) -> None:
    rng = np.random.default_rng([3, int(10 * load), places])
    records = stationary(one_station(poisson(load, 8_000, rng), [SERVICE] * 8_000, intake=places - 1))
    for values, truth in zip(
        ([record.outcome == "dropped" for record in records], waits(records)),
        md1_finite(load, SERVICE, places),
        strict=True,
    ):
        mean, half = interval(values)
        assert half < 0.25 * truth
        assert abs(mean - truth) < half


@pytest.mark.parametrize(("load", "places"), [(0.5, 1), (0.8, 2), (1.0, 4), (1.5, 6)])
def test_the_closed_form_of_md1k_is_what_its_embedded_chain_has(load: float, places: int) -> None:
    """Left behind by a packet that departs: what was there less one, and a Poisson number of arrivals, up to full."""
    steps = np.zeros((places, places))
    arrivals = [np.exp(-load) * load**k / float(np.prod(range(1, k + 1))) for k in range(places)]
    for before in range(places):
        left = max(before - 1, 0)
        for k in range(places - 1 - left):
            steps[before, left + k] = arrivals[k]
        steps[before, places - 1] = 1 - steps[before].sum()
    system = np.vstack([steps.T - np.eye(places), np.ones(places)])
    chain = np.linalg.lstsq(system, np.array([0.0] * places + [1.0]), rcond=None)[0]
    loss, waiting = md1_finite(load, SERVICE, places)
    through = 1 / (chain[0] + load)  # departures per service time, by the idle time before each
    assert loss == pytest.approx(1 - through, rel=1e-9)
    # Little: what is there at any time is what a departing packet leaves behind, unless it's full
    present = sum(k * share * through for k, share in enumerate(chain)) + places * loss
    assert waiting == pytest.approx(SERVICE * (present / (load * through) - 1), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("period", [F(5, 2), F(2), F(3, 2)])
def test_waiting_with_equal_intervals_is_that_of_dd1(period: Fraction) -> None:
    """None up to a load of 1; above, each packet waits longer than the one before by what the service is longer."""
    result = one_station([k * period for k in range(200)], [F(2)] * 200)
    assert waits(result.log) == [k * max(F(2) - period, F(0)) for k in range(200)]


def test_a_preferred_class_waits_as_cobham_has_it() -> None:
    loads, n = [0.3, 0.4], 12_000
    rng = np.random.default_rng(4)
    senders = [Station(), Station()]
    injections = []
    for source, load in enumerate(loads):
        times = poisson(load, round(n * load / sum(loads)), rng)
        injections += [Injection(time, 0, source, k) for k, time in enumerate(times)]
    stations = [Station(service=SERVICE, arbiter="fixed_priority"), *senders]
    routes = [(Stop(1, (Stop(0, leaf=0),)),), (Stop(2, (Stop(0, leaf=0),)),)]
    result = simulate(Fabric(stations, routes, injections))
    result.log = [record for record in result.log if record.station == 0]
    records = stationary(result)
    for source, truth in enumerate(priority_waiting(loads, SERVICE)):
        mean, half = interval(waits([record for record in records if record.source == source]))
        assert half < 0.2 * truth
        assert abs(mean - truth) < half


# -- theorems that hold for every packet -------------------------------------------------------------------------------


def test_one_station_is_the_recursion_of_lindley_to_the_bit() -> None:
    rng = np.random.default_rng(5)
    times, works = poisson(0.9, 2_000, rng), rng.exponential(SERVICE, 2_000).tolist()
    free, ends = 0.0, []
    for time, work in zip(times, works, strict=True):
        free = max(time, free) + work
        ends.append(free)
    result = one_station(times, works)
    assert [delivery.time for delivery in result.deliveries] == ends


def thirds(n: int, seed: int, span: int = 40) -> list[Fraction]:
    draw = random.Random(seed)
    return sorted(F(k, 3) for k in draw.sample(range(3 * span), n))


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_equal_service_stations_in_a_row_does_not_change_when_packets_leave(seed: int) -> None:
    """Friedman, Reduction methods for tandem queuing systems, Operations Research 13 (1965)."""
    services, times = [F(1, 2), F(3, 2), F(1), F(1, 3)], thirds(60, seed)
    left = []
    for order in ([0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]):
        stations = [Station(service=services[k]) for k in order]
        root = Stop(0, (Stop(1, (Stop(2, (Stop(3, leaf=0),)),)),))
        result = simulate(Fabric(stations, [(root,)], [Injection(time, 0, 0, k) for k, time in enumerate(times)]))
        left.append([delivery.time for delivery in result.deliveries])
    assert left[0] == left[1] == left[2]
    assert left[0] != [time + sum(services) for time in times]  # some have waited


@pytest.mark.parametrize("seed", range(3))
def test_no_arbiter_changes_the_sum_of_waiting_or_when_a_station_of_equal_services_is_busy(seed: int) -> None:
    """Kleinrock's conservation law, for each sequence of arrivals since services are equal."""
    sums, orders = set(), set()
    for arbiter in ARBITERS:
        stations = [Station(service=F(4, 3), arbiter=arbiter), Station(), Station(), Station()]
        routes = [(Stop(k, (Stop(0, leaf=0),)),) for k in (1, 2, 3)]
        injections = [
            Injection(time, 0, source, k)
            for source in range(3)
            for k, time in enumerate(thirds(10, 10 * seed + source))
        ]
        draws = random.Random(seed)
        result = simulate(Fabric(stations, routes, injections), lambda *_, draws=draws: draws.random())
        counters = result.counters[0]
        sums.add(
            (counters.waited, counters.area, counters.busy, tuple(delivery.time for delivery in result.deliveries))
        )
        orders.add(tuple(delivery.source for delivery in result.deliveries))
    assert len(sums) == 1
    assert len(orders) > 3
