"""Fabrics against queueing theory, on both engines and on the simpy twin: closed forms, and theorems to the bit.

Intervals and their confidence are those of `queueing_theory`; each is narrow enough to tell one queue from another.
"""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fabric_data import ARBITERS, Fabric, Injection, Result, Station, Stop
from fabric_networks import simulate_on
from naive_fabric import simulate
from queueing_theory import interval, md1_finite, md1_waiting, mg1_waiting, mm1_waiting, priority_waiting
from random_fabrics import Load

LOADS = (0.3, 0.5, 0.7)
SERVICE = 0.5
# Of each system that is held against theory: how many packets it gets, and how wide an interval may be, of the mean.
PACKETS = {"simpy": 12_000, "reference": 12_000, "compiled": 100_000}
NARROW = {"simpy": 0.25, "reference": 0.25, "compiled": 0.12}
SYSTEMS = tuple(PACKETS)
on_all = pytest.mark.parametrize("system", SYSTEMS)


def run_on(system: str, fabric: Fabric, load: Load | None = None) -> Result:
    draws = random.Random(0)
    return simulate(fabric, lambda *_: draws.random()) if system == "simpy" else simulate_on(system, fabric, load)


def one_station(system: str, times: Any, sources: Any = None, synapses: Sequence[int] = (), **options: Any) -> Result:
    """Packets of source 0, or of sources as given, each of which is `UNIT` of work for every synapse of its source."""
    sources = np.zeros(len(times), dtype=int) if sources is None else sources
    station, load = Station(**options), None
    works: list[Any] = [None]
    if synapses:
        load = Load([UNIT], [0.0], {(source, 0): (n, 1) for source, n in enumerate(synapses)})
        works = [load.work(source, 0, 0, station.service) for source in range(len(synapses))]
    spikes = [0] * len(works)
    injections = []
    for time, source in zip(times, sources.tolist(), strict=True):
        injections.append(Injection(time, 0, source, spikes[source]))
        spikes[source] += 1
    return run_on(system, Fabric([station], [(Stop(0, leaf=0, work=work),) for work in works], injections), load)


def poisson(load: float, n: int, rng: np.random.Generator) -> list[float]:
    return list(np.cumsum(rng.exponential(SERVICE / load, n)).tolist())


def stationary(result: Result) -> list:
    """Records in the order of arrival, without the first tenth, which has met an empty station."""
    records = sorted(result.log, key=lambda record: (record.entered, record.source))
    return records[len(records) // 10 :]


def waits(records: list) -> list:
    return [record.started - record.entered for record in records if record.started is not None]


def hold(system: str, values: list, truth: float) -> None:
    mean, half = interval(values)
    assert half < NARROW[system] * truth
    assert abs(mean - truth) < half


# -- closed forms ----------------------------------------------------------------------------------------------------


@on_all
@pytest.mark.parametrize("load", LOADS)
def test_waiting_with_equal_services_is_that_of_md1(load: float, system: str) -> None:
    rng = np.random.default_rng([1, int(10 * load)])
    result = one_station(system, poisson(load, PACKETS[system], rng), service=SERVICE)
    hold(system, waits(stationary(result)), md1_waiting(load, SERVICE))


UNIT = SERVICE / 16  # of work: what a synapse takes
# Of sources that are equally likely: the means of as many equally likely parts of an exponential distribution.
LEFT_OVER = np.arange(400, 0, -1) / 400
BELOW = np.append(1 - LEFT_OVER + LEFT_OVER * np.log(LEFT_OVER), 1.0)  # the integral of -log(1 - u) up to each
FAN_OUTS = np.rint(16 * 400 * np.diff(BELOW)).astype(int).clip(1).tolist()


def test_fan_outs_make_services_that_are_nearly_exponential() -> None:
    """A packet's work is a whole number of synapses, so that M/M/1 is met nearly, M/G/1 with these works exactly."""
    services = np.array(FAN_OUTS) * UNIT
    for load in LOADS:
        truth = mg1_waiting(load * float(services.mean()) / SERVICE, services)
        assert truth == pytest.approx(mm1_waiting(load, SERVICE), rel=0.01)


@on_all
@pytest.mark.parametrize("load", LOADS)
def test_waiting_with_work_by_synapses_is_that_of_pollaczek_and_khinchine_and_nearly_that_of_mm1(
    load: float, system: str
) -> None:
    n, rng = PACKETS[system], np.random.default_rng([2, int(10 * load)])
    sources = rng.integers(len(FAN_OUTS), size=n)
    waited = waits(stationary(one_station(system, poisson(load, n, rng), sources, FAN_OUTS)))
    services = np.array(FAN_OUTS) * UNIT
    hold(system, waited, mg1_waiting(load * float(services.mean()) / SERVICE, services))
    hold(system, waited, mm1_waiting(load, SERVICE))


@on_all
@pytest.mark.parametrize("load", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("places", [2, 4])
def test_loss_and_waiting_with_a_finite_intake_are_those_of_md1k(load: float, places: int, system: str) -> None:
    rng = np.random.default_rng([3, int(10 * load), places])
    times = poisson(load, PACKETS[system], rng)
    records = stationary(one_station(system, times, service=SERVICE, intake=places - 1))
    loss, waiting = md1_finite(load, SERVICE, places)
    hold(system, [record.outcome == "dropped" for record in records], loss)
    hold(system, waits(records), waiting)


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


@on_all
@pytest.mark.parametrize("period", [2.5, 2.0, 1.5])
def test_waiting_with_equal_intervals_is_that_of_dd1(period: float, system: str) -> None:
    """None up to a load of 1; above, each packet waits longer than the one before by what the service is longer."""
    result = one_station(system, [k * period for k in range(200)], service=2.0)
    assert waits(result.log) == [k * max(2.0 - period, 0.0) for k in range(200)]


@on_all
def test_a_preferred_class_waits_as_cobham_has_it(system: str) -> None:
    loads, n = [0.3, 0.4], PACKETS[system]
    rng = np.random.default_rng(4)
    senders = [Station(), Station()]
    injections = []
    for source, load in enumerate(loads):
        times = poisson(load, round(n * load / sum(loads)), rng)
        injections += [Injection(time, 0, source, k) for k, time in enumerate(times)]
    stations = [Station(service=SERVICE, arbiter="fixed_priority"), *senders]
    routes = [(Stop(1, (Stop(0, leaf=0),)),), (Stop(2, (Stop(0, leaf=0),)),)]
    result = run_on(system, Fabric(stations, routes, injections))
    result.log = [record for record in result.log if record.station == 0]
    records = stationary(result)
    for source, truth in enumerate(priority_waiting(loads, SERVICE)):
        hold(system, waits([record for record in records if record.source == source]), truth)


# -- theorems that hold for every packet -------------------------------------------------------------------------------


@on_all
def test_one_station_is_the_recursion_of_lindley_to_the_bit(system: str) -> None:
    rng = np.random.default_rng(5)
    times, sources = poisson(0.9, 2_000, rng), rng.integers(len(FAN_OUTS), size=2_000)
    free, ends = 0.0, []
    for time, source in zip(times, sources.tolist(), strict=True):
        free = max(time, free) + FAN_OUTS[source] * UNIT
        ends.append(free)
    result = one_station(system, times, sources, FAN_OUTS)
    assert [delivery.time for delivery in result.deliveries] == ends


def quarters(n: int, seed: int, span: int = 40) -> list[float]:
    """Times of which sums are exact."""
    return sorted(k / 4 for k in random.Random(seed).sample(range(4 * span), n))


@on_all
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_equal_service_stations_in_a_row_does_not_change_when_packets_leave(
    seed: int, system: str
) -> None:
    """Friedman, Reduction methods for tandem queuing systems, Operations Research 13 (1965)."""
    services, times = [0.5, 1.5, 1.0, 0.25], quarters(60, seed)
    left = []
    for order in ([0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]):
        stations = [Station(service=services[k]) for k in order]
        root = Stop(0, (Stop(1, (Stop(2, (Stop(3, leaf=0),)),)),))
        injections = [Injection(time, 0, 0, k) for k, time in enumerate(times)]
        result = run_on(system, Fabric(stations, [(root,)], injections))
        left.append([delivery.time for delivery in result.deliveries])
    assert left[0] == left[1] == left[2]
    assert left[0] != [time + sum(services) for time in times]  # some have waited


@on_all
@pytest.mark.parametrize("seed", range(3))
def test_no_arbiter_changes_the_sum_of_waiting_or_when_a_station_of_equal_services_is_busy(
    seed: int, system: str
) -> None:
    """Kleinrock's conservation law, for each sequence of arrivals since services are equal."""
    sums, orders = set(), set()
    for arbiter in ARBITERS:
        stations = [Station(service=1.25, arbiter=arbiter), Station(), Station(), Station()]
        routes = [(Stop(k, (Stop(0, leaf=0),)),) for k in (1, 2, 3)]
        injections = [
            Injection(time, 0, source, k)
            for source in range(3)
            for k, time in enumerate(quarters(10, 10 * seed + source))
        ]
        result = run_on(system, Fabric(stations, routes, injections))
        counters = result.counters[0]
        sums.add(
            (counters.waited, counters.area, counters.busy, tuple(delivery.time for delivery in result.deliveries))
        )
        orders.add(tuple(delivery.source for delivery in result.deliveries))
    assert len(sums) == 1
    assert len(orders) > 3
