"""Tables: one value that is text for a terminal, HTML for a notebook, numbers for pandas, and dicts for a loop."""

import builtins
import html.parser
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import InputError, Network, SpikeTimes, models
from eventsim.models.mapping.conversion import conversion
from eventsim.table import Column, Table, dotted
from eventsim.wording import LONGEST, name_text, neuron_text, place, places, several, span

SMALL = Table(
    (Column("layer", text=True), Column("spikes", dotted), Column("share", ".2f", missing="-")),
    (("input", 3, 0.25), ("out<b>", 0, None)),
    above=("two & two",),
    below=("OK",),
    ruled=True,
)


class Cells(html.parser.HTMLParser):
    """The text of each cell, row by row, and all tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.lines: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        if self.tags[-1] in ("td", "th") and data.strip():
            self.rows[-1].append(data)
        elif self.tags[-1] == "p" and data.strip():
            self.lines.append(data)


def test_text_is_flush_left_numbers_flush_right_and_lines_stand_around() -> None:
    assert str(SMALL).splitlines() == [
        "two & two",
        "layer   spikes  share",
        "---------------------",
        "input        3   0.25",
        "out<b>       ·      -",
        "OK",
    ]
    assert repr(SMALL) == str(SMALL)
    assert "input        3" in SMALL
    assert "inptu" not in SMALL


def test_rows_are_dicts_of_the_values_themselves() -> None:
    assert list(SMALL) == [
        {"layer": "input", "spikes": 3, "share": 0.25},
        {"layer": "out<b>", "spikes": 0, "share": None},
    ]
    assert len(SMALL) == 2


def test_html_has_the_cells_of_the_text_escaped() -> None:
    shown = SMALL._repr_html_()
    read = Cells(shown)
    assert read.rows == [["layer", "spikes", "share"], ["input", "3", "0.25"], ["out<b>", "·", "-"]]
    assert read.lines == ["two & two", "OK"]
    assert "b" not in read.tags
    assert "out&lt;b&gt;" in shown


def test_a_table_without_columns_is_its_lines() -> None:
    lines = Table((), (), above=("a",), below=("b",))
    assert str(lines) == "a\nb"
    assert "<table>" not in lines._repr_html_()


@pytest.mark.references
def test_pandas_gets_numbers_as_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    frame = SMALL.to_pandas()
    assert frame["layer"].tolist() == ["input", "out<b>"]
    assert frame["spikes"].dtype == np.int64
    assert frame["share"].dtype == np.float64
    assert frame["share"][0] == 0.25
    assert np.isnan(frame["share"][1])
    empty = Table((Column("layer", text=True), Column("n")), ()).to_pandas()
    assert isinstance(empty, pandas.DataFrame)
    assert [*empty.columns] == ["layer", "n"]
    assert len(empty) == 0


def test_without_pandas_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *given: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "pandas":
            raise ImportError(f"No module named {name!r}")
        return real(name, *given, **options)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(InputError, match=r"Table\.to_pandas needs pandas.*pip install 'eventsim\[pandas\]'"):
        SMALL.to_pandas()


# -- reports ----------------------------------------------------------------------------------------------------------


def reports() -> dict[str, Any]:
    """Each report that has a table, of a converted network or of runs of it."""
    rng = np.random.default_rng(5)
    relu = models.read_relu({"weights": [rng.uniform(-1, 1, (6, 4)), rng.uniform(-1, 1, (3, 6))]})
    x = rng.uniform(0, 1, (5, 4))
    net = models.to_ttfs(relu, x)
    run = eventsim.simulate(net, x, engine="reference")
    other = eventsim.simulate(net, np.roll(x, 1, axis=1), engine="reference")
    return {
        "verify": models.verify(net, relu, x, run=run),
        "certify": models.certify(net, x),
        "compare": eventsim.compare(run, other),
        "explain": eventsim.explain(net, run, run.populations[-1], 0, sample=1),
        "conversion": conversion(net, relu, x),
    }


REPORTS = ("verify", "certify", "compare", "explain", "conversion")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return reports()


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_a_table_as_text_and_in_a_notebook(made: dict[str, Any], name: str) -> None:
    report = made[name]
    table = report.table()
    assert isinstance(table, Table)
    assert len(table) >= 1
    assert report._repr_html_() == table._repr_html_()
    cells = [cell for row in Cells(report._repr_html_()).rows for cell in row]
    text = str(table)
    assert all(cell in text for cell in cells)
    assert len(repr(report)) < 500


@pytest.mark.references
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_goes_to_pandas(made: dict[str, Any], name: str) -> None:
    pytest.importorskip("pandas")
    report = made[name]
    frame = report.to_pandas()
    assert [*frame.columns] == [column.name for column in report.table().columns]
    assert len(frame) == len(report.table())


# -- neurons in words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (2, 2, 2, 3)])
def test_a_place_is_the_index_in_the_shape(shape: tuple[int, ...]) -> None:
    for neuron in range(int(np.prod(shape))):
        numbers = [int("".join(filter(str.isdigit, part))) for part in place(neuron, shape).split(", ") if part]
        assert numbers == ([] if len(shape) == 1 else [int(i) for i in np.unravel_index(neuron, shape)])
    neurons = np.array([1, 0, 1])
    assert places(neurons, shape) == [place(k, shape) for k in (1, 0, 1)]


def test_a_neuron_is_named_with_its_place_where_there_is_more_than_one_axis() -> None:
    assert neuron_text(11, (2, 3, 4)) == "neuron 11 (c 0, y 2, x 3)"
    assert neuron_text(11, (12,)) == "neuron 11"


def test_lists_ranges_and_names_stay_short() -> None:
    assert len(several(f"{'n' * 100}{k}" for k in range(1000))) < LONGEST + 20
    assert several(["n" * 1000]) == "1 in all"
    assert span(np.array([np.inf, 1.0])) == "1 to inf"
    assert len(name_text("n" * 10_000)) < 70


def image_network(threshold: float = 1.0) -> Network:
    net = Network()
    source = net.source((1, 2, 3), "pixels")
    cells = net.population("linear_psp", (1, 2, 3), "cells", threshold=threshold)
    net.connect(source, cells, eventsim.OneToOne(np.ones(6)))
    return net


def test_compare_names_the_channel_row_and_column_of_a_neuron() -> None:
    times = np.full((1, 1, 2, 3), np.inf)
    times[0, 0, 1, 2] = 0.5
    runs = [eventsim.simulate(image_network(level), SpikeTimes(times), engine="reference") for level in (1.0, 2.0)]
    found = eventsim.compare(*runs)
    assert found.differences["neuron"].tolist() == [5]
    assert found.differences["place"].tolist() == ["c 0, y 1, x 2"]
    assert "first: neuron 5 (c 0, y 1, x 2) of 'cells', sample 0" in found.table()


def test_messages_about_data_name_the_pixel() -> None:
    net = image_network()
    x = np.zeros((1, 1, 2, 3))
    x[0, 0, 1, 1] = 2.0
    with pytest.raises(InputError, match=r"x\[0\] neuron 4 \(c 0, y 1, x 1\) = 2"):
        eventsim.simulate(net, x, engine="reference")
    with pytest.raises(InputError, match=r"spike time -1\.0 of sample 0, neuron 4 \(c 0, y 1, x 1\)"):
        eventsim.simulate(net, SpikeTimes(-x / 2), engine="reference")


def test_verify_and_certify_name_the_channel_row_and_column_of_a_neuron() -> None:
    net = Network()
    net.source((1, 1, 2), "input")
    net.population("ttfs_b1", (1, 2, 1), "layer", window=(0.0, 1.0, 3.0), threshold=[1.5, 0.25])
    net.connect("input", "layer", eventsim.Dense([[0.5, 0.25], [1.0, 1.0]]))
    x = np.array([[[[1.0, 0.5]]]])
    run = eventsim.simulate(net, x, engine="reference")
    report, certificates = models.verify(net, x=x, run=run), models.certify(net, x)
    assert report.divergences["neuron"].tolist() == [1]
    assert report.divergences["place"].tolist() == ["c 0, y 1, x 0"]
    assert "first: neuron 1 (c 0, y 1, x 0) of 'layer', sample 0, clamped" in report.table()
    assert "first not: neuron 1 (c 0, y 1, x 0) of 'layer', sample 0" in certificates.table()
    assert '"place": "c 0, y 1, x 0"' in certificates.to_json()
    assert '"place": "c 0, y 1, x 0"' in report.to_json()
