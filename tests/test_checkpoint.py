"""A run in pieces has the bits of one in one piece, wherever it is cut; and a sample may end with a spike.

Spikes, first spikes, read-outs, membranes, error bounds and counters are compared exactly; only the number of queue
operations may differ, since source spikes reach an empty lane twice.
"""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import strategies
from adapters import assert_same_run, both_engines, in_fractions, outcome, spike_list, state_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case

import eventsim
from eventsim import BudgetError, SpikeTimes, simulate
from eventsim._jit import jitable
from eventsim.engines.compiled import alternatives
from eventsim.engines.sample_state import NAMES
from eventsim.errors import FileFormatError, InputError, NetworkError
from eventsim.fabric import AerBus
from eventsim.faults import Clock, Jitter
from eventsim.faults.contract import EmissionFault
from eventsim.files.archive import read_archive, write_archive

SEEDS = st.integers(0, 2**32 - 1)
# Of each part of a run in turn.
ENGINES = st.sampled_from([("compiled",), ("reference",), ("compiled", "reference"), ("reference", "compiled")])


@jitable
def _later(p: Any, window: Any, key: Any, sample: Any, neuron: int, number: int, t: float) -> float:
    return t + p[0]


@dataclass(frozen=True)
class Late(EmissionFault):
    """Every spike leaves so much later."""

    by: float
    populations: Any = None
    name: ClassVar[str] = "late"
    causal: ClassVar[bool] = True
    perturb: ClassVar[Any] = staticmethod(_later)

    def numbers(self) -> tuple[float, ...]:
        return (self.by,)


def in_pieces(case: Case, cuts: list[float], engines: tuple[str, ...] = ("compiled",), **options: Any) -> Any:
    """The run that comes of ending at each of the cuts and going on, with one engine after another."""
    run = None
    for until, engine in zip([*cuts, case.until], itertools.cycle(engines), strict=False):
        run = simulate(case.net, case.x, until=until, engine=engine, keep_state=True, resume=run, **options)
    return run


def cuts_of(run: Any, seed: int, n: int) -> list[float]:
    """Times to cut at: random ones, and some at which there are spikes."""
    rng = np.random.default_rng(seed)
    times = run.spikes["time"]
    last = max(1.0, float(times.max(initial=1.0)))
    chosen = [*rng.uniform(0.0, 1.1 * last, n), *rng.choice(times, min(n, len(times)), replace=False)]
    return sorted(float(t) for t in chosen if t > 0)


def same_traces(a: Any, b: Any) -> bool:
    return a.records.traces.tobytes() == b.records.traces.tobytes()


@given(strategies.ANY, SEEDS, ENGINES)
def test_a_run_in_pieces_has_the_bits_of_one_in_one_piece(case: Case, seed: int, engines: tuple[str, ...]) -> None:
    whole = outcome(case.net, case.x, until=case.until)
    if whole.error is not None:
        return
    cuts = [t for t in cuts_of(whole.run, seed, 8) if case.until is None or t <= case.until]
    assert_same_run(in_pieces(case, cuts, engines), whole.run)


@given(st.one_of(strategies.dense_ttfs(), strategies.recurrent_lif()), SEEDS, ENGINES)
def test_stages_membranes_and_samples_go_on_too(case: Case, seed: int, engines: tuple[str, ...]) -> None:
    spiking = [p for p in case.net.populations if p.model.spiking]
    windowed = all(p.model.windowed for p in case.net.populations)
    faults = [Jitter(0.1), Clock(0.05)] if windowed else [Clock(0.05)]
    options: dict[str, Any] = {
        "seed": seed % 7, "faults": faults, "transport": AerBus(0.01), "until": case.until,
        "record": {spiking[0].name: [0]},
    }  # fmt: skip
    if case.x is None:
        options["sample_ids"] = [3, 1, 4]
    whole = outcome(case.net, case.x, **options)
    if whole.error is not None:
        return
    cuts = [t for t in cuts_of(whole.run, seed, 3) if case.until is None or t <= case.until]
    options.pop("until")
    parts = in_pieces(case, cuts, engines, **options)
    assert_same_run(parts, whole.run)
    assert same_traces(parts, whole.run)
    assert parts.counters["transport"] == whole.run.counters["transport"]


@given(strategies.dense_ttfs(), SEEDS, ENGINES)
def test_rounding_bounds_go_on_too(case: Case, seed: int, engines: tuple[str, ...]) -> None:
    whole = simulate(case.net, case.x, error_bounds=True)
    assert_same_run(in_pieces(case, cuts_of(whole, seed, 3), engines, error_bounds=True), whole)


@given(strategies.mixed(leaky=False), SEEDS)
def test_exact_runs_go_on_exactly(case: Case, seed: int) -> None:
    net = in_fractions(case.net, lambda number: Fraction(number).limit_denominator(12))
    x = SpikeTimes([[[Fraction(t) for t in train] for train in sample] for sample in case.x.times])
    whole = outcome(net, x, engine="reference", until=case.until)
    if whole.error is not None:
        return
    parts = in_pieces(Case(net, x, case.until), cuts_of(whole.run, seed, 2)[:4], ("reference",))
    assert_same_run(parts, whole.run)
    assert parts.records.exact_times == whole.run.records.exact_times


@given(strategies.ANY, SEEDS, ENGINES, st.integers(1, 40))
def test_what_a_budget_ended_goes_on_between_two_micro_steps(
    case: Case, seed: int, engines: tuple[str, ...], events: int
) -> None:
    """Also inside a time, and with samples that had not begun."""
    options: dict[str, Any] = {"until": case.until}
    if case.x is None:
        options["sample_ids"] = [0, seed]
    whole = outcome(case.net, case.x, **options)
    if whole.error is not None:
        return
    run, complete = None, False
    one_after_another = itertools.cycle(engines)
    for engine in itertools.islice(one_after_another, 3):
        try:
            run = simulate(case.net, case.x, engine=engine, keep_state=True, resume=run, max_events=events, **options)
            complete = True
            break
        except BudgetError as error:
            run = error.run
    if not complete:
        run = simulate(case.net, case.x, engine=next(one_after_another), resume=run, **options)
    assert run is not None
    assert_same_run(run, whole.run)


def test_the_first_part_can_be_gone_on_with_twice() -> None:
    net, x = ring()
    first = simulate(net, x, until=3.5, keep_state=True)
    for engine in ("compiled", "reference"):
        first = simulate(net, x, until=3.5, keep_state=True, engine=engine)
        whole = simulate(net, x, until=9.0, engine=engine)
        for _ in range(2):
            assert_same_run(simulate(net, x, until=9.0, resume=first, engine=engine), whole)
        assert first.spikes["time"].max() < 3.5


def ring(n: int = 5, delay: float = 0.75) -> tuple[eventsim.Network, SpikeTimes]:
    """One spike that runs round a ring of neurons."""
    net = eventsim.Network()
    source = net.source(n, "input")
    cells = net.population("lif_delta", n, "cells", tau_mem=10.0)
    net.connect(source, cells, eventsim.OneToOne(np.full(n, 2.0)))
    net.connect(cells, cells, eventsim.Sparse(range(n), [(i + 1) % n for i in range(n)], np.full(n, 2.0)), delay=delay)
    return net, SpikeTimes([[[0.5], *[[]] * (n - 1)], [[], [0.25], *[[]] * (n - 2)]])


def test_a_saved_run_goes_on(tmp_path: Path) -> None:
    net, x = ring()
    options: dict[str, Any] = {"faults": [Clock(0.1)], "transport": AerBus(0.01), "record": {"cells": [0, 3]}}
    part = simulate(net, x, until=3.5, keep_state=True, stop={"cells": 100}, **options)
    part.save(tmp_path / "part.npz")
    loaded = eventsim.load_run(tmp_path / "part.npz")
    assert loaded.stop_times.tolist() == [math.inf, math.inf]
    whole = simulate(net, x, until=9.0, **options)
    reference = simulate(net, x, until=3.5, keep_state=True, engine="reference", **options)
    reference.save(tmp_path / "reference.npz")
    for begun in (loaded, eventsim.load_run(tmp_path / "reference.npz")):
        for engine in ("compiled", "reference"):
            rest = simulate(net, x, until=9.0, resume=begun, engine=engine, **options)
            assert_same_run(rest, whole)
            assert same_traces(rest, whole)


def test_what_was_certain_before_a_cut_is_certain_behind_it() -> None:
    """Strong jitter, then a clock: whether a draw is clipped depends on when the departure was decided."""
    rng = np.random.default_rng(5)
    net = eventsim.Network()
    net.source(8, "input")
    net.population("ttfs_b1", 8, "hidden", (0.0, 0.5, 3.5), threshold=rng.uniform(0.3, 3.0, 8))
    net.connect("input", "hidden", eventsim.Dense(rng.normal(0.5, 0.5, (8, 8))))
    x = SpikeTimes([np.sort(rng.uniform(0.0, 3.0, (8, 2))).tolist()])
    for seed in range(20):
        options: dict[str, Any] = {"faults": [Jitter(3.0), Clock(2.0)], "seed": seed, "engine": "reference"}
        whole = simulate(net, x, **options)
        with pytest.raises(BudgetError) as error:
            simulate(net, x, max_events=12, keep_state=True, **options)
        assert error.value.run is not None
        assert_same_run(simulate(net, x, resume=error.value.run, **options), whole)


@pytest.mark.parametrize("engines", [("compiled", "reference"), ("reference", "compiled")])
def test_a_run_that_was_cut_before_its_first_event_goes_on(engines: tuple[str, str]) -> None:
    net, x = ring()
    whole = simulate(net, x, until=9.0, record={"cells": [0]})
    part = simulate(net, x, until=1e-9, keep_state=True, engine=engines[0], record={"cells": [0]})
    assert state_of(part, 0).now.tolist() == [-math.inf]
    rest = simulate(net, x, until=9.0, resume=part, engine=engines[1], record={"cells": [0]})
    assert_same_run(rest, whole)
    assert same_traces(rest, whole)


def test_the_state_of_an_exact_run_stays_in_memory(tmp_path: Path) -> None:
    net = eventsim.Network()
    net.source(1, "input")
    net.population("linear_psp", 1, "cell", threshold=Fraction(1, 3))
    net.connect("input", "cell", eventsim.Dense([[1.0]]))
    run = simulate(net, [[0.5]], engine="reference", keep_state=True, record="readout", until=0.7)
    with pytest.raises(InputError, match="an exact run holds Fractions"):
        run.save(tmp_path / "run.npz")


@pytest.mark.parametrize("entry", [{}, 3, {"inputs": "", "begun": [0, 7]}, {"begun": [0]}])
def test_a_file_whose_state_is_none_is_refused(tmp_path: Path, entry: Any) -> None:
    net, x = ring()
    simulate(net, x, until=3.5, keep_state=True).save(tmp_path / "run.npz")
    header, arrays = read_archive(tmp_path / "run.npz", "eventsim-run", 1)
    write_archive(tmp_path / "run.npz", {**header, "state": entry}, arrays)
    with pytest.raises(FileFormatError, match=r"the state is damaged, or one of another version"):
        eventsim.load_run(tmp_path / "run.npz")


# -- samples that end with a spike ------------------------------------------------------------------------------------


@given(strategies.ANY, st.sampled_from(["compiled", "reference"]), st.integers(1, 6))
def test_a_sample_ends_with_the_time_of_a_spike(case: Case, engine: str, count: int) -> None:
    whole = outcome(case.net, case.x, until=case.until, engine=engine)
    if whole.error is not None:
        return
    name = next(p.name for p in case.net.populations if p.model.spiking)
    done = simulate(case.net, case.x, until=case.until, engine=engine, stop={name: count})
    for sample in range(done.n_samples):
        spikes = spike_list(whole.run, sample)
        mine = [t for t, who, _ in spikes if who == name]
        end = mine[count - 1] if len(mine) >= count else math.inf
        assert done.stop_times[sample] == end
        assert spike_list(done, sample) == [spike for spike in spikes if spike[0] <= end]
    by_population = {entry: c["spikes"] for entry, c in done.counters["by_population"].items()}
    recorded = done.spikes["population"].tolist()
    assert by_population == {entry: recorded.count(k) for k, entry in enumerate(done.populations)}


@given(st.one_of(strategies.dense_ttfs(), strategies.recurrent_lif()), st.integers(1, 6))
def test_engines_count_the_same_in_samples_that_end_with_a_spike(case: Case, count: int) -> None:
    name = next(p.name for p in case.net.populations if p.model.spiking)
    runs = [
        outcome(case.net, case.x, until=case.until, engine=e, stop={name: count}) for e in ("compiled", "reference")
    ]
    if runs[0].error is None and runs[1].error is None:
        assert_same_run(runs[0].run, runs[1].run)


@given(strategies.ANY, ENGINES, st.integers(1, 4))
def test_a_sample_that_ended_with_a_spike_goes_on(case: Case, engines: tuple[str, ...], count: int) -> None:
    options: dict[str, Any] = {"until": case.until}
    whole = outcome(case.net, case.x, **options)
    if whole.error is not None:
        return
    name = next(p.name for p in case.net.populations if p.model.spiking)
    first, then = engines[0], engines[-1]
    part = simulate(case.net, case.x, stop={name: count}, keep_state=True, engine=first, **options)
    try:
        beyond: dict[str, Any] = {"stop": {name: 2 * count}, "keep_state": True}
        further = simulate(case.net, case.x, resume=part, engine=then, **beyond, **options)
        fresh = simulate(case.net, case.x, stop={name: 2 * count}, **options)
        assert further.stop_times.tolist() == fresh.stop_times.tolist()
        assert_same_run(further, fresh)
    except InputError as error:
        assert "spikes already; must be more" in str(error)  # noqa: PT017 - several spikes at one time
        further = part
    again = simulate(case.net, case.x, stop={name: count}, resume=part, **options)
    assert again.stop_times.tolist() == part.stop_times.tolist()
    assert_same_run(simulate(case.net, case.x, resume=further, engine=first, **options), whole.run)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_budget_that_ends_a_resumed_run_keeps_what_was_done_of_later_samples(engine: str) -> None:
    net, x = ring()
    whole = simulate(net, x, until=9.0, engine=engine)
    for threads in (1, 2):
        options: dict[str, Any] = {"until": 9.0, "engine": engine, "keep_state": True, "threads": threads}
        part = simulate(net, x, **options | {"until": 3.5})
        with pytest.raises(BudgetError) as caught:
            simulate(net, x, resume=part, max_events=1, **options)
        run = caught.value.run
        assert spike_list(run, 1) == spike_list(part, 1)
        assert run.counters["by_population"]["cells"]["spikes"] == np.count_nonzero(run.spikes["population"] == 1)
        assert run.counters["by_population"]["input"]["spikes"] == np.count_nonzero(run.spikes["population"] == 0)
        assert_same_run(simulate(net, x, resume=run, until=9.0, engine=engine), whole)


def test_a_stop_that_is_behind_is_refused_by_both_engines() -> None:
    net, x = ring()
    for engine in ("compiled", "reference"):
        part = simulate(net, x, until=3.5, keep_state=True, engine=engine)
        with pytest.raises(InputError, match=r"stop\['cells'\] = 2, but sample 0 .* has sent \d spikes already"):
            simulate(net, x, until=9.0, stop={"cells": 2}, resume=part, engine=engine)
        stopped = simulate(net, x, until=9.0, stop={"cells": 2}, keep_state=True, engine=engine)
        with pytest.raises(InputError, match="must be later"):
            simulate(net, x, until=stopped.stop_times.max(), resume=stopped, engine=engine)


def test_stages_are_compared_as_a_file_has_them(tmp_path: Path) -> None:
    net, x = ring()
    float32: Any = np.float32
    options: dict[str, Any] = {
        "faults": [Clock(float32(0.1), populations=["cells"])], "transport": AerBus(float32(0.01)),
        "seed": np.int64(3), "sample_ids": np.array([4, 2]),
    }  # fmt: skip
    simulate(net, x, until=3.5, keep_state=True, **options).save(tmp_path / "run.npz")
    rest = simulate(net, x, until=9.0, resume=eventsim.load_run(tmp_path / "run.npz"), **options)
    assert_same_run(rest, simulate(net, x, until=9.0, **options))


@pytest.mark.parametrize("lost", ["spikes", "traces", "first", "stopped"])
def test_a_file_that_lacks_what_was_recorded_is_not_gone_on_with(tmp_path: Path, lost: str) -> None:
    net, x = ring()
    options: dict[str, Any] = {"stop": {"cells": 40}, "record": {"cells": [0]}}
    simulate(net, x, until=3.5, keep_state=True, **options).save(tmp_path / "run.npz")
    header, arrays = read_archive(tmp_path / "run.npz", "eventsim-run", 1)
    write_archive(tmp_path / "run.npz", header, {name: a for name, a in arrays.items() if name != lost})
    with pytest.raises(InputError, match=f"comes without its {lost}"):
        simulate(net, x, until=9.0, resume=eventsim.load_run(tmp_path / "run.npz"), **options)


def test_a_state_that_was_changed_in_its_file_is_refused(tmp_path: Path) -> None:
    net, x = ring()
    simulate(net, x, until=3.5, keep_state=True).save(tmp_path / "run.npz")
    header, arrays = read_archive(tmp_path / "run.npz", "eventsim-run", 1)
    values = arrays["state0.values"].copy()
    values[0] += 0.5
    write_archive(tmp_path / "run.npz", header, {**arrays, "state0.values": values})
    with pytest.raises(FileFormatError, match="arrays that were changed"):
        eventsim.load_run(tmp_path / "run.npz")


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resume": 3}, "resume is a int; must be a Run that was simulated with keep_state=True"),
        ({"seed": 1}, r"resume = a run with another seed \(0, not 1\); must be the same"),
        ({"record": "first_spikes"}, "resume = a run with another record"),
        ({"record": {"cells": [1]}}, "resume = a run with another record"),
        ({"faults": [Clock(0.1)]}, "resume = a run with another faults"),
        ({"transport": AerBus(0.1)}, "resume = a run with another transport"),
        ({"until": 2.0}, r"until = 2.0 for a run that went to 3.5; must be later"),
        ({"x": SpikeTimes([[[0.5], [], [], [], []], [[], [0.3], [], [], []]])}, "resume = a run on other data"),
        ({"net": ring(delay=0.5)[0]}, "resume = a run with another net"),
    ],
)
def test_a_run_is_gone_on_with_as_it_was_begun(changes: dict[str, Any], message: str) -> None:
    net, x = ring()
    given: dict[str, Any] = {"net": net, "x": x, "until": 9.0, "resume": simulate(net, x, until=3.5, keep_state=True)}
    with pytest.raises(InputError, match=message):
        simulate(**given | changes)


def changed_ring(**changes: Any) -> eventsim.Network:
    """A ring of neurons, and what is another in it."""
    given: dict[str, Any] = {
        "size": 3,
        "name": "cells",
        "delay": 0.75,
        "weight": 2.0,
        "model": {"v_threshold": 1.0},
    } | changes
    net, n = eventsim.Network(given.get("time_unit")), given["size"]
    net.source(n, "input", generator=given.get("generator", eventsim.Regular(1.5)))
    leaky = {} if "kind" in changes else {"tau_mem": 10.0}
    net.population(given.get("kind", "lif_delta"), n, given["name"], **leaky, **given["model"])
    net.connect("input", given["name"], eventsim.OneToOne(np.full(n, given["weight"])))
    net.connect("input", given["name"], eventsim.Dense(np.full((n, n), 0.25)), delay=given["delay"])
    return net


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"model": {"v_threshold": [1.0, 1.0, 2.0]}}, r"v_threshold of 'cells' \(\[2\] = 1\.0, not 2\.0\)"),
        (
            {"model": {"current": eventsim.Steps([0.0, 1.0], [0.0, 0.2])}},
            r"steps of 'cells', current\.times of 'cells', current\.values of 'cells'\)",
        ),
        ({"kind": "if_delta"}, r"model of 'cells' \('lif_delta', not 'if_delta'\), parameters of 'cells'"),
        (
            {"name": "others"},
            r"the list of sources and populations \(\['input', 'cells'\], not \['input', 'others'\]\), the list",
        ),
        ({"size": 4}, r"shape of 'input' \(\[3\], not \[4\]\), period of 'input' \(shape \(3,\), not \(4,\)\)"),
        ({"generator": eventsim.Regular(2.5)}, r"period of 'input' \(\[0\] = 1\.5, not 2\.5\)\)"),
        ({"weight": 1.0}, r"weights of input -> cells \(projection 0\) \(\[0\] = 2\.0, not 1\.0\)\)"),
        ({"delay": 0.5}, r"delay of input -> cells \(projection 1\) \('0\.75', not '0\.5'\)\)"),
        ({"time_unit": 1e-3}, r"the time unit \(None, not 0\.001\)\)"),
    ],
)
def test_what_is_another_in_the_network_is_said(changes: dict[str, Any], difference: str) -> None:
    options: dict[str, Any] = {"engine": "reference", "keep_state": True}
    run = simulate(changed_ring(), until=2.0, **options)
    with pytest.raises(InputError, match=rf"resume = a run with another net \(it differs in {difference}"):
        simulate(changed_ring(**changes), until=4.0, resume=run, **options)


def test_a_run_without_its_state_is_refused() -> None:
    net, x = ring()
    with pytest.raises(InputError, match="resume = a run without its state"):
        simulate(net, x, until=9.0, resume=simulate(net, x, until=3.5))


@pytest.mark.parametrize(
    ("stop", "error", "message"),
    [
        ({"cells": 0}, InputError, r"stop\['cells'\] = 0; must be an integer in 1\.\.9007"),
        ({"input": 1}, InputError, r"stop\['input'\]: 'input' is a source or does not spike"),
        ({"cells": 2**70}, InputError, "must be an integer"),
        ({"cell": 1}, NetworkError, "unknown population 'cell', did you mean 'cells'"),
        ("cells", InputError, r"stop = 'cells'; must be a dict"),
    ],
)
def test_stops_that_are_none_are_refused(stop: Any, error: type[Exception], message: str) -> None:
    net, x = ring()
    with pytest.raises(error, match=message):
        simulate(net, x, until=3.5, stop=stop)
    with pytest.raises(InputError, match="stop times not recorded"):
        _ = simulate(net, x, until=3.5).stop_times


DAMAGE = [
    ("packet_neuron", 5),
    ("packet_neuron", -1),
    ("packet_lane", 2),
    ("packet_t", math.nan),
    ("packet_t", 1.0),
    ("pending_neuron", 50),
    ("pending_t", math.inf),
    ("since", math.nan),
    ("values", math.nan),
    ("stimulus", -3),
    ("stimulus", 4 * 10**12),
    ("micro", -1),
    ("counts", -2),
    ("ticks", 4),
]


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize(("name", "value"), DAMAGE)
def test_a_damaged_state_is_refused_before_it_runs(name: str, value: Any, engine: str) -> None:
    net, x = ring()
    run = simulate(net, x, until=3.5, keep_state=True, faults=[Clock(0.4)])
    state = state_of(run, 0)
    if not len(getattr(state, name)):
        for other in NAMES:
            if other.partition("_")[0] == name.partition("_")[0]:
                setattr(state, other, np.full(1, 5, getattr(state, other).dtype))
    getattr(state, name)[0] = value
    with pytest.raises(InputError, match=r"resume = a run whose state .*; it is damaged"):
        simulate(net, x, until=9.0, resume=run, engine=engine, faults=[Clock(0.4)])


@pytest.mark.parametrize("name", ["values", "since", "ticks", "noted", "fabric", "parcel_t", "now", "pending_t"])
def test_a_state_of_other_sizes_is_refused(name: str) -> None:
    net, x = ring()
    run = simulate(net, x, until=3.5, keep_state=True)
    state = state_of(run, 1)
    array = getattr(state, name)
    setattr(state, name, np.concatenate([array, np.zeros(1, array.dtype)]))
    with pytest.raises(InputError, match="it is damaged"):
        simulate(net, x, until=9.0, resume=run)


def test_neurons_that_receive_the_same_inputs_stand_at_the_same_time() -> None:
    net, x = layers_of_many()
    run = simulate(net, x, until=0.6, keep_state=True)
    state_of(run, 0).since[50] = 0.0
    with pytest.raises(InputError, match="receive the same inputs and stand at different times; it is damaged"):
        simulate(net, x, resume=run)


# -- where several packets are taken together ------------------------------------------------------------------------


def layers_of_many(n_in: int = 48) -> tuple[eventsim.Network, np.ndarray]:
    """Dense layers whose inputs come one after another, so that packets are taken four at a time; three samples."""
    rng = np.random.default_rng(4)
    net = eventsim.Network()
    net.source(n_in, "input")
    net.population("ttfs_b1", 20, "hidden", (0.0, 1.0, 3.0), threshold=rng.uniform(2.0, 12.0, 20))
    net.population("linear_psp", 10, "other", threshold=rng.uniform(1.0, 6.0, 10))
    net.connect("input", "hidden", eventsim.Dense(rng.normal(0.1, 0.2, (20, n_in))))
    net.connect("input", "other", eventsim.Dense(rng.normal(0.1, 0.2, (10, n_in))), delay=0.125)
    net.connect("hidden", "other", eventsim.Dense(rng.normal(0.1, 0.2, (10, 20))))
    return net, rng.random((3, n_in))


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_run_is_cut_between_packets_that_are_taken_together(engine: str) -> None:
    """A lookahead keeps the state in another place each time, which another sample on the thread has moved, too."""
    net, x = layers_of_many()
    whole = simulate(net, x, engine=engine, threads=1)
    for until in np.linspace(0.05, 2.5, 25).tolist():
        part = simulate(net, x, until=until, keep_state=True, engine=engine, threads=1)
        assert_same_run(simulate(net, x, resume=part, engine=engine, threads=1), whole)


@pytest.mark.parametrize("stop", [{"other": 1}, {"other": 4}, {"hidden": 3}])
def test_a_sample_that_ends_with_a_spike_has_seen_nothing_behind_it(stop: dict[str, int]) -> None:
    net, x = layers_of_many()
    both_engines(net, x, stop=stop, threads=1)


@pytest.mark.parametrize("max_events", [7, 30, 61])
def test_a_budget_ends_both_engines_at_the_same_event(max_events: int) -> None:
    net, x = layers_of_many()
    ended = both_engines(net, x[:1], max_events=max_events, threads=1)
    assert ended.error is not None
    assert "max_events" in ended.error


def test_more_spikes_pending_than_a_buffer_was_made_for_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault holds thousands of spikes back; the buffer of the second call must hold them."""
    monkeypatch.setattr(alternatives, "BROAD", False)  # no other test has this loop
    net = eventsim.Network()
    net.population("lif_delta", 30, "cells", tau_mem=10.0, v_threshold=0.01, current=np.linspace(1.0, 1.1, 30))
    options: dict[str, Any] = {"faults": [Late(40.0)], "threads": 1}
    part = simulate(net, until=30.0, keep_state=True, **options)
    assert len(state_of(part, 0).pending_t) > 4096
    rest = simulate(net, until=45.0, resume=part, **options)
    assert rest.spikes.tobytes() == simulate(net, until=45.0, **options).spikes.tobytes()
