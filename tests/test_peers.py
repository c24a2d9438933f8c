"""The gold set and the large networks in other simulators: what differs is what the comparison page explains."""

import importlib.util
import re
from pathlib import Path

import goldset_peers
import numpy as np
import pytest
import replays

from eventsim.models import goldset

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "comparison.md"
SECTIONS = {"nest": "### NEST", "neuron": "### NEURON", "arbor": "### Arbor"}
TOTAL = re.compile(r"^\| (?P<name>[^|]+) \| (?P<expressed>\d+) \| (?P<right>\d+) \| (?P<near>\d+) \|", re.MULTILINE)
ROWS = ("eventsim", "nest", "nest_lossless", "neuron", "neuron_eps", "arbor")


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def explained(peer: str) -> set[str]:
    """The cases whose failure the page explains."""
    section = page().partition(f"{SECTIONS[peer]}\n")[2].partition("\n##")[0]
    return set(re.findall(r"^\| `([\w/-]+)` \|", section, re.MULTILINE))


def figures() -> dict[str, tuple[int, ...]]:
    """By peer: cases expressed, right to roundings, right to 1e-9, as the page has them."""
    found = [tuple(map(int, row.groups()[1:])) for row in TOTAL.finditer(page())]
    return dict(zip(ROWS, found, strict=True))


# -- without them -----------------------------------------------------------------------------------------------------


def test_the_page_explains_failures_of_cases_that_there_are() -> None:
    names = {case.name for case in goldset.cases()}
    for peer in SECTIONS:
        assert explained(peer)
        assert explained(peer) <= names
    assert figures()["eventsim"] == (len(names),) * 3


def test_every_peer_says_of_every_case_whether_it_can_express_it() -> None:
    for name, peer in goldset_peers.PEERS.items():
        reasons = [peer.reason_against(case) for case in goldset.cases()]
        assert reasons.count(None) == figures()[name][0]
        assert all(reason is None or reason.strip() for reason in reasons)


def small_replay(ramps: bool = False) -> replays.Replay:
    """Ten neurons of W2's kind, of which several inputs fall on one time."""
    random = np.random.default_rng(3)
    every = np.arange(10)
    trains = [np.sort(random.integers(8, 8 * 60, 60)).astype(float) for _ in every]
    return replays.w2_replay(10, 60.0)._replace(
        ramps=ramps,
        trains=[np.unique(train) / 8 for train in trains],
        inputs=(every, every, np.full(10, 12.0)),
        links=(random.integers(0, 10, 40), random.integers(0, 10, 40), np.full(40, 4.0)),
    )


def test_a_replay_that_is_held_against_itself_has_no_difference(monkeypatch) -> None:
    def same(replay: replays.Replay) -> replays.Spikes:
        spikes = replays.in_eventsim(replay).spikes
        mine = spikes[spikes["population"] == 1][::-1]  # in any order
        return mine["neuron"], mine["time"]

    monkeypatch.setitem(replays.PEERS, "same", same)
    outcome = replays.held(small_replay(), "same")
    assert outcome.spikes > 50
    assert outcome == (outcome.spikes, 0, 0.0, float("inf"), 0)


def test_a_spike_that_is_moved_or_lost_in_a_replay_is_found_with_its_inputs(monkeypatch) -> None:
    replay = small_replay()
    spikes = replays.in_eventsim(replay).spikes
    mine = spikes[spikes["population"] == 1]
    last = int(np.flatnonzero(mine["neuron"] == mine["neuron"][-1])[-1])
    moved = mine["time"].copy()
    moved[last] += 1e-6
    monkeypatch.setitem(replays.PEERS, "moved", lambda _: (mine["neuron"], moved))
    outcome = replays.held(replay, "moved")
    assert (outcome.differing, outcome.first) == (1, mine["time"][last])
    assert outcome.inputs >= 1  # a neuron without a drive fires at inputs only
    monkeypatch.setitem(replays.PEERS, "lost", lambda _: (mine["neuron"][:-1], mine["time"][:-1]))
    assert replays.held(replay, "lost").differing == 1


def test_the_replays_of_w1_are_its_layers() -> None:
    for kind in replays.KINDS:
        replay = replays.w1_replay(kind)
        assert (replay.n, len(replay.trains)) == (1_034, 784)
        assert len(replay.inputs[0]) + len(replay.links[0]) == 668_672
        weights = replays.w1_weights(kind)
        third = (replay.links[0] == 512 + 7) & (replay.links[1] == 1_024 + 2)
        assert replay.links[2][third].tolist() == [weights[2][2, 7]]


@pytest.mark.parametrize("model", replays.NEST_CURRENTS)
def test_synapses_of_either_sign_reach_a_receptor_of_their_own(model) -> None:
    replay = replays.receptor_replay(model, replays.FINE)
    assert (replay.n, len(replay.trains), len(replay.links[0])) == (100, 100, 1_500)
    assert [*replays._by_receptor(replay, replay.inputs)] == ["excitatory"]
    parts = replays._by_receptor(replay, replay.links)
    assert {name: len(links[0]) for name, links in parts.items()} == {"excitatory": 1_000, "inhibitory": 500}
    assert parts["inhibitory"][2].max() < 0.0 < parts["excitatory"][2].min()
    assert set(parts["inhibitory"][0].tolist()) == set(range(80, 100))


# -- with them --------------------------------------------------------------------------------------------------------


def needs(peer: str) -> None:
    package = goldset_peers.PEERS[peer].package
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.peers
@pytest.mark.parametrize("peer", goldset_peers.PEERS)
def test_a_peer_fails_the_cases_that_the_page_explains_and_no_others(peer, tmp_path) -> None:
    needs(peer)
    exact = goldset_peers.held(peer, tmp_path)
    near = goldset.check(goldset.read_results(tmp_path / f"goldset_{peer}.json"), 1e-9)
    failed = {one.case for one in exact.verdicts if not one.ok}
    assert failed <= explained(peer.partition("_")[0])
    if peer in SECTIONS:
        assert failed == explained(peer)
    assert (len(exact.verdicts), exact.passed, near.passed) == figures()[peer]


@pytest.mark.peers
@pytest.mark.parametrize(("peer", "kind"), [("nest", "jumps"), ("nest", "ramps"), ("arbor", "jumps")])
def test_w1_equals_a_peer_spike_for_spike(peer, kind) -> None:
    needs(peer)
    outcome = replays.held(replays.w1_replay(kind), peer)
    assert outcome.spikes > 1_000
    assert outcome.differing == 0


@pytest.mark.peers
@pytest.mark.parametrize("peer", ["nest", "arbor"])
def test_w2_equals_a_peer_spike_for_spike(peer) -> None:
    needs(peer)
    outcome = replays.held(replays.w2_replay(1_000, 300.0), peer)
    assert outcome.spikes > 5_000
    assert outcome.differing == 0


@pytest.mark.peers
@pytest.mark.parametrize(("model", "resolution"), [("lif_exp", replays.FINE), ("lif_alpha", replays.COARSE)])
def test_networks_with_two_receptors_equal_nest_spike_for_spike(model, resolution) -> None:
    """Over a second, in which a spike sets off hundreds: NEST's crossings are right to 1e-14 of the potential."""
    needs("nest")
    outcome = replays.held(replays.receptor_replay(model, resolution), "nest")
    assert outcome.spikes > 1_500
    assert outcome.differing == 0
    assert outcome.difference < 1e-10


@pytest.mark.peers
def test_nest_parts_from_a_network_with_receptors_where_v_crosses_between_two_steps() -> None:
    """At 0.125 ms it misses a neuron that fires on its own; at 0.025 ms, above, it does not."""
    needs("nest")
    outcome = replays.held(replays.receptor_replay("lif_exp", replays.COARSE), "nest")
    assert outcome.first == pytest.approx(503.275827, abs=1e-6)
    assert outcome.inputs == 0
    assert outcome.difference < 1e-10


@pytest.mark.peers
def test_neuron_parts_from_w2_where_a_neuron_has_several_inputs_at_one_time() -> None:
    needs("neuron")
    outcome = replays.held(replays.w2_replay(1_000, 100.0), "neuron")
    assert outcome.inputs >= 2
    assert outcome.differing > 0
