"""No message is longer than a screen, however long the names are that a file holds, and its remedy stays."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import SpikeTimes, cli, errors, models, simulate
from eventsim.cli.files import read_data
from eventsim.errors import LONGEST, EventsimError, InputError, listed, nearest, shortened
from eventsim.files.archive import read_archive, write_archive
from eventsim.files.arrays import arrays_of

LONG = "é name, of a layer " * 500


def network(n: int = 40, name: str = LONG) -> eventsim.Network:
    """A source and many populations, all with long names."""
    net = eventsim.Network()
    net.source(1, f"{name}input")
    for k in range(n):
        net.population("if_delta", 1, f"{name}{k}")
        net.connect(f"{name}input", f"{name}{k}", eventsim.Dense([[0.5]]))
    return net


def run_of(net: eventsim.Network) -> eventsim.Run:
    return simulate(net, SpikeTimes([[[0.5, 1.0]]]), engine="reference")


def other_format(path: Path) -> Any:
    write_archive(path / "other.npz", {"format": LONG, "version": 1}, {})
    return eventsim.load_run(path / "other.npz")


def lost_array(path: Path) -> Any:
    run_of(network(2)).save(path / "run.npz")
    header, arrays = read_archive(path / "run.npz", "eventsim-run", 1)
    write_archive(path / "lost.npz", header, arrays | {LONG: np.zeros(1)})
    return eventsim.load_run(path / "lost.npz")


def saved_arrays(path: Path) -> Path:
    arrays: dict[str, Any] = {f"{'a' * 150}{k}": np.zeros(1) for k in range(200)}
    np.savez(path / "many.npz", **arrays)
    return path / "many.npz"


def many_arrays(path: Path) -> Any:
    return read_data(saved_arrays(path))


def resumed(_: Path) -> Any:
    net = network(3)
    run = simulate(net, SpikeTimes([[[0.5]]]), until=0.4, keep_state=True, engine="reference")
    return simulate(net, SpikeTimes([[[0.5]]]), record=[f"{LONG}1"], resume=run, engine="reference")


FAILING: dict[str, Callable[[Path], Any]] = {
    "unknown population": lambda _: run_of(network()).spike_times("cells"),
    "unknown long population": lambda _: run_of(network()).spike_times(f"{LONG}x"),
    "unknown node": lambda _: network().node("cells"),
    "long unknown node": lambda _: network().node(f"{LONG}x"),
    "not recorded": lambda _: run_of(network()).membrane(f"{LONG}1", 0),
    "probe of a source": lambda _: simulate(network(), SpikeTimes([[[]]]), record={f"{LONG}input": [0]}),
    "no such neuron": lambda _: simulate(network(), SpikeTimes([[[]]]), record={f"{LONG}1": [7]}),
    "shape of data": lambda _: simulate(network(), np.zeros((1, 3))),
    "no data": lambda _: simulate(network()),
    "comparison": lambda _: eventsim.compare(run_of(network(2)), run_of(network(3, LONG[::-1]))),
    "resumed with another record": resumed,
    "parameter": lambda _: eventsim.Network().population("if_delta", 2, LONG, v_threshold=[-1.0, 1.0]),
    "name that is taken": lambda _: network().population("if_delta", 1, f"{LONG}1"),
    "unknown model": lambda _: eventsim.Network().population(LONG, 1),
    "format of a file": other_format,
    "array of a file": lost_array,
    "arrays of data": many_arrays,
    "path": lambda path: arrays_of(path / ("p" * 3000)),
    "path of an output": lambda path: run_of(network(2)).save(path / ("p" * 3000)),
    "layers": lambda _: models.read_relu({"weights": [np.ones((2, 2))], LONG: 3}),
    "relu network": lambda _: models.to_ttfs(
        models.read_relu({"weights": [np.ones((2, 2))]}), [[0.5, 0.5]], slope=LONG
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_messages_have_a_bounded_length(case: str, tmp_path: Path) -> None:
    with pytest.raises(EventsimError) as caught:
        FAILING[case](tmp_path)
    message = str(caught.value)
    assert 20 < len(message) <= LONGEST
    assert message == shortened(message)


def test_the_command_line_keeps_to_it(capsys: Any, tmp_path: Path) -> None:
    network().save(tmp_path / "net.npz")
    many = saved_arrays(tmp_path)
    for words in (
        ["run", tmp_path / "net.npz", many],
        ["run", tmp_path / "net.npz", many, "--record", f"{LONG}:x"],
        ["run", tmp_path / "net.npz", many, "--threads", "x" * 9000],
        ["run", tmp_path / "net.npz", tmp_path / ("x" * 3000)],
        ["x" * 9000],
        ["verify", tmp_path / "net.npz", many, "--json"],
    ):
        assert cli.main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        assert 20 < len(err) <= LONGEST + 30
        assert len(out) <= LONGEST + 30
        assert err.startswith("eventsim: error: ")


def test_what_is_cut_keeps_both_ends() -> None:
    message = f"simulate: x = {'1, ' * 5000}2; must be one number. Give one."
    short = str(InputError(message))
    assert len(short) == LONGEST
    assert short.startswith("simulate: x = 1, 1, ")
    assert short.endswith("1, 2; must be one number. Give one.")
    assert str(InputError(short)) == short
    assert str(InputError("as it is")) == "as it is"
    word = shortened(f"/folder/{'a' * 5000}/net.npz: no such file")
    assert len(word) < 350
    assert word.startswith("/folder/aaa")
    assert word.endswith("aaa/net.npz: no such file")


def test_lists_of_names_say_how_many_are_left_out() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([]) == ""
    assert listed(map(str, range(15)), most=3) == "0, 1, 2 and 12 more"
    assert len(listed([LONG] * 1000)) < 1100


def test_nearest_does_not_compare_names_that_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison takes the product of the lengths: minutes for the names of such a file."""
    compare, seen = difflib.get_close_matches, []

    def compared(word: str, possibilities: list[str], n: int) -> list[str]:
        seen.extend([word, *possibilities])
        return compare(word, possibilities, n=n)

    monkeypatch.setattr(difflib, "get_close_matches", compared)
    assert nearest("x" * 100_000, ["x" * 100_001] * 50) == ""
    assert nearest("cels", [LONG * 10, "cells"]) == ", did you mean 'cells'?"
    assert seen == ["cels", "cells"]


def test_every_error_class_is_bounded() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EventsimError)]
    assert len(kinds) > 8
    for kind in kinds:
        assert len(str(kind("x y " * 10_000))) == LONGEST
