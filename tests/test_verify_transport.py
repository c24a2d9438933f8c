"""`verify` and `certify` on a chip: what the transport did is told apart from defects, with its size."""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pytest

import eventsim
from eventsim import Network, cli, hardware, models, viz
from eventsim.fabric import AerBus
from eventsim.models import digits
from eventsim.models.checking.report import CAUSES, TRANSPORT

CALIBRATION = digits.calibration_images()[0][:50]
IMAGES = digits.test_images()[0][:3]
CHANGES = {
    "mesh": {},
    "fast cores": {"core.per_synapse": "0 ns"},
    "late ones are lost": {"time.deadline": "2 us", "time.late": "drop"},
}


def on_chip(net: Network, x: Any, changes: Any, **options: Any) -> Any:
    placed = hardware.chip("mesh").replace(changes).place(net, "by_layer")
    return eventsim.simulate(net, x, transport=placed, engine="reference", error_bounds=True, **options)


@pytest.fixture(scope="module", params=["dense", "convolutional"])
def made(request: pytest.FixtureRequest) -> Any:
    relu = digits.dense_network() if request.param == "dense" else digits.network()
    net = models.to_ttfs(relu, CALIBRATION, time_unit=5e-6)
    return relu, net, eventsim.simulate(net, IMAGES, engine="reference")


def delivered(run: Any) -> dict[tuple[int, int, int, int], float]:
    """When packets came, by sample, population, neuron and core: from the log of the run."""
    found = run.latency().deliveries
    columns = (found[name].tolist() for name in ("sample", "population", "neuron", "core", "delivered"))
    return {(s, p, n, c): t for s, p, n, c, t in zip(*columns, strict=True)}


@pytest.mark.parametrize("chip", CHANGES)
def test_what_the_chip_did_is_no_defect_and_its_size_is_that_against_the_run_without_it(made: Any, chip: str) -> None:
    relu, net, ideal = made
    run = on_chip(net, IMAGES, CHANGES[chip])
    report = models.verify(net, relu, IMAGES, run)
    assert report.ok
    assert report.summary["transport"] > 0
    assert {cause for cause, count in report.summary.items() if count} <= {"ok", "rounding", "inherited", "transport"}
    for name, one in report.transport.items():
        if one.readout:
            event, free = run.readout, ideal.readout
            assert np.abs(report.undisturbed_potentials[name] - free).max() < 1e-12
        else:
            event, free = run.spike_times(name), ideal.spike_times(name)
            assert np.array_equal(np.isinf(report.undisturbed_times[name]), np.isinf(free))
            fired = np.isfinite(free)
            assert np.abs(report.undisturbed_times[name][fired] - free[fired]).max() < 1e-12
        shifts, silenced, roused = [], 0, 0
        for a, b in zip(event.ravel().tolist(), free.ravel().tolist(), strict=True):
            silenced += a == math.inf and b < math.inf
            roused += a < math.inf and b == math.inf
            if a < math.inf and b < math.inf and abs(a - b) > 1e-10:
                shifts.append(abs(a - b))
        assert (one.silenced, one.roused, one.moved) == (silenced, roused, len(shifts) + silenced + roused)
        assert one.median == pytest.approx(float(np.median(shifts)) if shifts else 0.0, abs=1e-12)
        assert one.largest == pytest.approx(max(shifts, default=0.0), abs=1e-12)
        assert one.caused == np.count_nonzero(report.causes[name] == TRANSPORT)


@pytest.mark.parametrize("chip", CHANGES)
def test_inputs_that_were_late_or_lost_are_those_of_the_log(chip: str) -> None:
    relu = digits.dense_network()
    net = models.to_ttfs(relu, CALIBRATION, time_unit=5e-6)
    run = on_chip(net, IMAGES, CHANGES[chip])
    came = delivered(run)
    report, found = models.verify(net, relu, IMAGES, run), models.certify(net, run=run)
    cores = hardware.chip("mesh").place(net, "by_layer").fabric(net).cores
    for projection in net.projections:
        weights, name = projection.kind.arrays()["weights"], projection.post.name
        window: Any = projection.post.window
        t_min = float(window[1])
        sent, k = run.spike_times(projection.pre.name), projection.pre.order
        late, lost = np.zeros((len(IMAGES), len(weights)), int), np.zeros((len(IMAGES), len(weights)), int)
        for sample, i, j in np.ndindex(len(IMAGES), *weights.shape):
            if weights[i, j] != 0 and sent[sample, j] < math.inf:
                core = int(cores[name][i]) if name in cores else 0
                arrived = came.get((sample, k, j, core), math.inf)
                lost[sample, i] += arrived == math.inf
                late[sample, i] += t_min <= arrived < math.inf
        assert report.transport[name].late == late.sum()
        assert report.transport[name].lost == lost.sum()
        assert np.array_equal(found.arrived[name].late, late > 0)
        assert np.array_equal(found.arrived[name].lost, lost > 0)


def test_a_defect_is_blamed_on_a_chip_as_without_it() -> None:
    """A threshold and a weight are off: in the network, and in a run that another network made."""
    relu = digits.dense_network()
    net = models.to_ttfs(relu, CALIBRATION, time_unit=5e-6)
    threshold = np.array(net.node("dense1").parameters["threshold"])  # type: ignore[union-attr]
    threshold[3] -= 0.5
    weights = np.array(net.projections[1].kind.arrays()["weights"])
    weights[5] *= 1.5
    other = planted.rebuilt(net, weights={1: weights}, parameters={"dense1": {"threshold": threshold}})
    run = on_chip(other, IMAGES, {})
    for held in (other, net):
        report = models.verify(held, relu, IMAGES, run)
        assert not report.ok
        wrong = report.divergences[report.divergences["cause"] == "structural"]
        assert set(zip(wrong["population"].tolist(), wrong["neuron"].tolist(), strict=True)) == {
            ("dense1", 3), ("dense2", 5)
        }  # fmt: skip
        assert report.summary["transport"] > 500


def test_late_by_the_chip_alone_is_the_transports_and_late_without_it_is_late() -> None:
    relu = models.read_relu({"weights": [[[1.0, 0.5]], [[1.0]]]})
    net = models.to_ttfs(relu, [[1.0, 1.0]], windows=[2.0])
    for delay, cause in ((0.0, "transport"), (0.5, "late")):
        made = planted.rebuilt(net, delays={0: delay})
        run = eventsim.simulate(made, [[0.2, 0.1]], transport=AerBus(0.5), engine="reference", error_bounds=True)
        report = models.verify(made, run=run)
        assert CAUSES[report.causes["dense1"][0, 0]] == cause
        assert report.ok is (cause == "transport")


def test_premature_by_the_order_of_packets_is_the_transports() -> None:
    """+10 and -10 come together without a bus; one after another on it, and the first lifts V over the threshold."""
    relu = models.read_relu({"weights": [[[10.0, -10.0]], [[1.0]]], "biases": [[0.5], [0.0]]})
    net = models.to_ttfs(relu, [[0.5, 0.5]], windows=[1.0])
    slow = eventsim.simulate(net, [[0.5, 0.5]], transport=AerBus(0.25), engine="reference", error_bounds=True)
    report = models.verify(net, relu, [[0.5, 0.5]], slow)
    assert slow.spike_times("dense1")[0, 0] < 1.0
    assert CAUSES[report.causes["dense1"][0, 0]] == "transport"
    assert report.ok
    found = models.certify(net, run=slow)
    assert found.layers["dense1"].premature[0, 0]
    assert not found.ok
    assert found.proven
    assert found.without is not None
    assert found.without.ok


def test_a_fabric_of_fractions_is_worked_out_in_fractions() -> None:
    relu = planted.random_relu(np.random.default_rng(1))
    x = [[Fraction(int(v), 7) for v in row] for row in np.random.default_rng(0).integers(1, 7, (2, 5))]
    net = models.to_ttfs(relu, np.array(x, dtype=float), number=Fraction)
    ideal = eventsim.simulate(net, x, engine="reference")
    services: list[Any] = [0, Fraction(1, 1000), Fraction(1, 3)]
    for service in services:
        report = models.verify(net, relu, x, eventsim.simulate(net, x, engine="reference", transport=AerBus(service)))
        assert report.ok
        assert (report.summary["transport"] > 0) is (service > 0)
        for name, times in report.undisturbed_times.items():
            assert times.tolist() == ideal.spike_times(name).astype(float).tolist()


def test_packets_that_overtake_are_counted_as_inverted() -> None:
    """Two cores of senders: what is sent later over a free link comes before what waits at a slow one."""
    from fabric_networks import Given

    from eventsim.fabric.contract import Fabric, Hop, Station

    net = Network()
    net.source(3, "input")
    net.population("ttfs_b1", 2, "cell", (0.0, 1.0, 3.0), threshold=2.0)
    net.connect("input", "cell", eventsim.Dense([[0.1, 0.1, 0.1], [0.1, 0.0, 0.1]]))
    slow, fast = Station("slow", service=0.3), Station("fast", service=0.01)
    fabric = Fabric((slow, fast), ((Hop(0, core=0),), (Hop(1, core=0),)), {"input": np.array([0, 1, 0])})
    x = eventsim.SpikeTimes([[0.1, 0.2, 0.5]])
    run = eventsim.simulate(net, x, transport=Given(fabric), engine="reference", error_bounds=True)
    found = models.certify(net, run=run)
    assert found.arrived["cell"].inverted.tolist() == [[True, False]]
    assert found.ok
    assert repr(found.arrived["cell"]) == "Arrived: 2 neurons times samples, 1 inverted"


def test_a_certificate_on_a_chip_says_what_it_can_and_no_window() -> None:
    relu = digits.dense_network()
    net = models.to_ttfs(relu, CALIBRATION, time_unit=5e-6)
    found = models.certify(net, run=on_chip(net, IMAGES, {}))
    alone = models.certify(net, IMAGES)
    assert found.proven
    assert not found.ok
    assert found.without is not None
    assert found.without.safe_windows == alone.safe_windows
    text = str(found.table())
    assert "safe window" not in text.splitlines()[0]
    assert f"without the transport: {alone.verdict}" in text
    assert "certified with the transport; first not" in found.verdict
    said = json.loads(found.to_json(limit=2))
    assert said["without_transport"]["ok"] is True
    assert [one["population"] for one in said["arrived"]] == ["dense1", "dense2", "output"]
    assert alone.arrived == {}
    assert json.loads(alone.to_json())["without_transport"] is None


def test_a_bus_without_service_changes_no_certificate_but_that_it_is_named() -> None:
    relu = digits.dense_network()
    net = models.to_ttfs(relu, CALIBRATION)
    run = eventsim.simulate(net, IMAGES, transport=AerBus(0.0), engine="reference", error_bounds=True)
    found = models.certify(net, run=run)
    assert found.ok
    assert "certified with the transport: every neuron waits" in found.verdict
    assert models.verify(net, relu, IMAGES, run).summary["transport"] == 0


def test_the_report_says_it_to_people_programs_and_in_pictures() -> None:
    relu = digits.dense_network()
    net = models.to_ttfs(relu, CALIBRATION, time_unit=5e-6)
    report = models.verify(net, relu, IMAGES, on_chip(net, IMAGES, {}))
    assert "transport: moved" in report.table()
    assert [row["population"] for row in report.transport_table()] == ["dense1", "dense2", "output (potentials)"]
    said = json.loads(report.to_json())["transport"]
    assert [one["population"] for one in said] == ["dense1", "dense2", "output"]
    assert said[0]["moved"] == report.transport["dense1"].moved
    size = report.divergences[report.divergences["population"] == "dense2"]["size"]
    assert np.abs(size).max() >= report.transport["dense2"].largest
    near = viz.verification(report, populations="dense2")[0, 0]
    far = viz.verification(report, populations="dense2", against="ideal")[0, 0]
    gaps = []
    for ax in (near, far):
        (line,) = (one for one in ax.lines if one.get_gid() == "transport")
        gaps.append(float(np.abs(np.subtract(*line.get_data())).max()))
    assert gaps[0] < 1e-12  # right by what was delivered
    assert gaps[1] > 0.1


def test_the_command_line_shows_what_the_transport_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = models.to_ttfs(digits.dense_network(), CALIBRATION, time_unit=5e-6)
    net.save(tmp_path / "net.npz")
    on_chip(net, IMAGES, {}).save(tmp_path / "run.npz")
    np.save(tmp_path / "x.npy", IMAGES)
    paths = [str(tmp_path / name) for name in ("net.npz", "x.npy", "run.npz")]
    assert cli.main(["verify", paths[0], paths[1], "--run", paths[2]]) == 0
    text = capsys.readouterr().out
    assert "transport: moved" in text
    assert "late inputs  lost inputs" in text
    assert cli.main(["verify", paths[0], paths[1], "--run", paths[2], "--certify", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"]
    assert said["transport"][0]["late"] > 0
    assert not said["certificates"]["ok"]
    assert said["certificates"]["without_transport"]["ok"]
