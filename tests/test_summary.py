"""`Run.summary` against plain loops over the spikes, on runs of every kind of recording and of every end."""

import itertools
import math
import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import BudgetError, Dense, InputError, Network, Poisson, Run, SpikeTimes, simulate

COLUMNS = ["population", "neurons", "spikes", "spikes a neuron", "rate", "CV", "first", "median", "last", "latency"]
COLUMNS += ["premature", "late"]
SAMPLES = (None, 0, 1, 2)


def recurrent(seed: int = 0, time_unit: float | None = 1e-3) -> Network:
    """Noise, two populations that excite and inhibit each other, and one that is silent."""
    rng = np.random.default_rng(seed)
    net = Network(time_unit)
    net.source(6, "noise", generator=Poisson(rng.uniform(0.0, 0.3, 6)))
    net.population("lif_delta", (2, 3), "E", tau_mem=20.0, v_threshold=1.0, t_ref=1.0)
    net.population("lif_exp", 4, "I", tau_mem=10.0, tau_syn=5.0)
    net.population("lif_delta", 2, "silent", tau_mem=10.0)
    net.connect("noise", "E", Dense(rng.normal(0.4, 0.3, (6, 6))))
    net.connect("E", "I", Dense(rng.normal(0.5, 0.3, (4, 6))), delay=0.5)
    net.connect("I", "E", Dense(rng.normal(-0.3, 0.1, (6, 4))), delay=1.5)
    return net


def windowed() -> Network:
    """A layer whose second neuron is premature, a relay and a read-out that hears late inputs."""
    net = Network()
    net.source(2, "input")
    net.population("ttfs_b1", 2, "layer", window=(0.0, 1.0, 2.0), threshold=[0.9, 0.25])
    net.population("relay", 1, "pool", (0.0, 1.0, 2.0))
    net.population("integrator", 1, "output", window=(1.0, 1.5))
    net.connect("input", "layer", Dense([[0.5, 0.25], [1.0, 1.0]]))
    net.connect("layer", "pool", Dense([[1.0, 1.0]]))
    net.connect("pool", "output", Dense([[1.0]]))
    net.connect("layer", "output", Dense([[0.5, 0.5]]))
    return net


def naive(run: Run, sample: int | None, spikes: Any = None) -> list[dict[str, Any]]:
    """The summary, from all spikes, one after another."""
    chosen = [s for s in (range(run.n_samples) if sample is None else [sample]) if not math.isnan(run.reached[s])]
    time = sum(run.reached[s] for s in chosen)
    unit = run.provenance["time_unit"] or 1.0
    rows = []
    for index, (name, size) in enumerate(zip(run.populations, run.sizes, strict=True)):
        trains: dict[tuple[int, int], list[float]] = {}
        for s, population, neuron, t in (run.spikes if spikes is None else spikes).tolist():
            if s in chosen and population == index:
                trains.setdefault((s, neuron), []).append(t)
        times = [t for train in trains.values() for t in train]
        variations = []
        for train in trains.values():
            gaps = [b - a for a, b in itertools.pairwise(train)]
            if len(gaps) >= 2:
                variations.append(statistics.pstdev(gaps) / statistics.mean(gaps))
        window = run.windows[name]
        row = dict.fromkeys(COLUMNS) | {"population": name, "neurons": size}
        if chosen:
            row |= {"spikes": len(times), "spikes a neuron": len(times) / size / len(chosen)}
            if 0 < time < math.inf:
                row["rate"] = len(times) / size / time / unit
            row["CV"] = statistics.mean(variations) if variations else None
        if times:
            row |= {"first": min(times), "median": statistics.median(times), "last": max(times)}
            row["latency"] = None if window is None else min(times) - window[-2]
        rows.append(row)
    return rows


def summary(run: Run, sample: int | None = None) -> list[dict[str, Any]]:
    """The rows, with one name for the rate."""
    return [dict(zip(COLUMNS, row.values(), strict=True)) for row in run.summary(sample)]


def same(found: Any, expected: Any) -> bool:
    if found is None or expected is None or isinstance(found, str):
        return found == expected
    return found == pytest.approx(expected, rel=1e-9, abs=1e-12)  # sums in another order


def check(run: Run, truth: Run | None = None, known: bool = True) -> None:
    """Each cell is that of the plain loops or, where not all is `known`, empty; counters are checked elsewhere."""
    for sample in SAMPLES[: 1 + run.n_samples]:
        for row, expected in zip(
            summary(run, sample), naive(run, sample, None if truth is None else truth.spikes), strict=True
        ):
            for name in COLUMNS[:10]:
                hidden = not known and row[name] is None
                assert hidden or same(row[name], expected[name]), (sample, row["population"], name, row, expected)


def recorded(net: Network, **options: Any) -> Run:
    return simulate(net, engine="reference", until=60.0, sample_ids=[0, 1, 2], **options)


@pytest.mark.parametrize("seed", range(4))
def test_every_cell_is_that_of_plain_loops(seed: int) -> None:
    run = recorded(recurrent(seed))
    assert run.n_spikes("E") > 20
    check(run)
    silent = summary(run)[-1]
    assert (silent["spikes"], silent["rate"], silent["first"]) == (0, 0.0, None)


def test_the_column_says_what_the_rate_is_per() -> None:
    hertz, plain = recorded(recurrent(1)), recorded(recurrent(1, None))
    (first, *_), (second, *_) = hertz.summary(), plain.summary()
    assert first["rate (Hz)"] == pytest.approx(1000.0 * second["rate (per unit of time)"])
    assert "times in units of 0.001 s" in hertz.summary()
    check(plain)


def test_without_an_end_there_is_no_rate() -> None:
    run = simulate(windowed(), [[1.0, 0.5], [0.0, 0.0]], engine="reference")
    assert [row["rate"] for row in summary(run)] == [None] * 4
    check(run)


def test_latency_is_counted_from_t_min_and_premature_and_late_as_the_run_counts_them() -> None:
    run = simulate(windowed(), [[1.0, 0.5], [0.9, 0.9], [0.0, 0.0]], engine="reference")
    whole = {row["population"]: row for row in summary(run)}
    counted = run.counters["by_population"]
    for name in run.populations:
        assert (whole[name]["premature"], whole[name]["late"]) == (counted[name]["premature"], counted[name]["late"])
    assert counted["layer"]["premature"] > 0
    assert counted["output"]["late"] > 0
    assert counted["pool"]["premature"] == 0  # although it passes on what came before its window
    assert whole["layer"]["latency"] == run.spike_times("layer").min() - 1.0 < 0
    alone = [simulate(windowed(), [x], engine="reference") for x in ([1.0, 0.5], [0.9, 0.9], [0.0, 0.0])]
    for sample, one in enumerate(alone):
        for row, expected in zip(summary(run, sample), summary(one), strict=True):
            assert row["premature"] == expected["premature"]
            assert row["late"] in (None, expected["late"])  # late inputs of one sample among several are not known
    check(run)


def test_first_spikes_say_what_they_can_and_nothing_wrong() -> None:
    truth, run = recorded(recurrent(2)), recorded(recurrent(2), record="first_spikes")
    check(run, truth, known=False)
    excited = summary(run)[1]
    assert (excited["spikes"], excited["first"]) == (truth.n_spikes("E"), truth.spike_times("E").min())
    assert [excited[name] for name in ("CV", "median", "last")] == [None] * 3
    assert summary(run, 0)[1]["spikes"] is None


def test_first_spikes_of_neurons_that_fire_once_are_all_spikes() -> None:
    x = [[1.0, 0.5], [0.9, 0.9]]
    truth = simulate(windowed(), x, engine="reference")
    run = simulate(windowed(), x, engine="reference", record="first_spikes")
    check(run, truth)
    assert summary(run) == summary(truth)


def test_named_populations_are_known_and_the_others_by_their_first_spikes() -> None:
    truth, run = recorded(recurrent(3)), recorded(recurrent(3), record=["I"])
    check(run, truth, known=False)
    assert summary(run, 1)[2] == summary(truth, 1)[2]
    assert summary(run, 1)[1]["median"] is None


def test_without_recordings_the_counts_of_all_samples_are_known() -> None:
    truth, run = recorded(recurrent(1)), recorded(recurrent(1), record="readout")
    check(run, truth, known=False)
    assert [row["spikes"] for row in summary(run)] == [row["spikes"] for row in summary(truth)]
    assert summary(run, 0)[1]["spikes"] is None
    assert summary(run, 0)[3]["spikes"] == 0  # nobody fired in any sample


def test_a_run_that_ended_early_counts_what_was_begun() -> None:
    with pytest.raises(BudgetError) as error:
        recorded(recurrent(1), max_events=150)
    run = error.value.run
    assert np.isnan(run.reached[2])
    check(run)
    assert sum(row["spikes"] for row in run.summary()) == len(run.spikes)
    assert "INCOMPLETE: the run ended early; " in run.summary()
    never = summary(run, 2)[1]
    assert (never["spikes"], never["premature"]) == (None, None)


def test_a_resumed_run_is_one_run() -> None:
    net = recurrent(2)
    part = simulate(net, engine="reference", until=30.0, sample_ids=[0, 1, 2], keep_state=True)
    run = recorded(net, resume=part)
    check(run)
    assert summary(run) == summary(recorded(net))


def test_files_and_mapped_spikes_have_the_same_summary(tmp_path: Path) -> None:
    run = recorded(recurrent(3))
    run.save(tmp_path / "run.npz")
    mapped = recorded(recurrent(3), memory=0)
    assert isinstance(mapped.spikes, np.memmap)
    for other in (eventsim.load_run(tmp_path / "run.npz"), mapped):
        for sample in SAMPLES:
            assert summary(other, sample) == summary(run, sample)


def test_fractions_are_summed_up_as_floats() -> None:
    net = Network()
    net.source(1, "input")
    net.population("step_psp", 1, "cell", v_threshold=1.0)
    net.connect("input", "cell", Dense([[1.0]]))
    times = [Fraction(1, 3), Fraction(2, 3), Fraction(3, 2)]
    run = simulate(net, SpikeTimes([[times]]), engine="reference")
    row = summary(run)[1]
    assert (row["spikes"], row["first"], row["median"]) == (3, 1 / 3, 2 / 3)
    assert [train.tolist() for train in run.trains("cell")] == [times]


def test_a_sample_that_is_not_there_is_refused() -> None:
    run = recorded(recurrent())
    with pytest.raises(InputError, match=r"summary: sample = 3; must be an integer in 0\.\.2"):
        run.summary(3)


# -- trains and shapes ------------------------------------------------------------------------------------------------


def test_trains_are_the_spikes_of_each_neuron() -> None:
    run = recorded(recurrent(1))
    for sample in range(3):
        for index, name in enumerate(run.populations):
            expected = [
                [t for s, p, i, t in run.spikes.tolist() if (s, p, i) == (sample, index, neuron)]
                for neuron in range(run.sizes[index])
            ]
            assert [train.tolist() for train in run.trains(name, sample)] == expected


def test_trains_are_refused_as_other_questions_are() -> None:
    named = recorded(recurrent(), record=["I"])
    with pytest.raises(InputError, match=r"run\.trains: all spikes of I were recorded, of 'E' only the first"):
        named.trains("E")
    with pytest.raises(InputError, match="run: spikes not recorded"):
        recorded(recurrent(), record="first_spikes").trains("E")
    with pytest.raises(InputError, match=r"unknown population 'e', did you mean 'E'\?"):
        named.trains("e")
    with pytest.raises(InputError, match=r"trains: sample = 5; must be an integer in 0\.\.2\. The run has 3 samples"):
        named.trains("I", 5)


def test_shaped_spike_times_have_the_shape_of_the_population() -> None:
    run = recorded(recurrent(1))
    shaped = run.spike_times("E", shaped=True)
    assert shaped.shape == (3, 2, 3)
    assert np.array_equal(shaped.reshape(3, 6), run.spike_times("E"))
    assert run.spike_times("I", shaped=True).shape == (3, 4)
    with pytest.raises(InputError, match="shaped = 1; must be True or False"):
        run.spike_times("E", shaped=1)  # type: ignore[arg-type]
