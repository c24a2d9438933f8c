"""Notebooks: those of the docs run from beginning to end, and a figure appears below its cell once.

They are stored without what they print and draw: it is made by whoever runs them, and cannot be out of date.
"""

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
# Makes a run, and imports no pyplot.
RUN = """
import sys
import eventsim, eventsim.models
from eventsim import viz
net = eventsim.Network()
net.source(2, "input")
net.population("lif_delta", 2, "cell", tau_mem=1.0)
net.connect("input", "cell", eventsim.OneToOne([2.0, 2.0]))
run = eventsim.simulate(net, eventsim.SpikeTimes([[[1.0], [2.0]]]), engine="reference")
"""


def executed(notebook: Any, folder: Path) -> Any:
    """A notebook, run by a kernel of its own, which draws as kernels do and not as these tests."""
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
    return client.execute(env=environment)


def pictures(cell: Any) -> int:
    """How many pictures stand below a cell."""
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def complaints(cell: Any) -> str:
    """What a cell left on stderr: without the line of progress, which takes itself away."""
    text = "".join(output.text for output in cell.outputs if output.get("name") == "stderr")
    return "".join(line.rpartition("\r")[2].strip() for line in text.split("\n"))


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("first", ["", "from matplotlib import pyplot as plt"], ids=["without pyplot", "with pyplot"])
def test_each_figure_appears_once_below_the_cell_that_draws_it(first: str, tmp_path: Path) -> None:
    cells = {
        f"{first}\n{RUN}": 0,
        "viz.raster(run)": 1,
        "viz.rates(run); viz.raster(run)": 2,
        "axes = viz.spike_histogram(run)": 1,
        "viz.raster(run).figure.savefig('raster.png')": 1,
        "from matplotlib.figure import Figure\nviz.raster(run, ax=Figure().subplots());": 0,
        "from matplotlib import pyplot as plt\nviz.raster(run, ax=plt.subplots()[1])": 1,
        "run": 0,
    }
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    drawn = [pictures(cell) for cell in code_cells(executed(notebook, tmp_path))]
    assert dict(zip(cells, drawn, strict=True)) == cells
    assert (tmp_path / "raster.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_beginning_to_end_and_shows_each_figure_once(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in code_cells(executed(notebook, tmp_path)):
        last = cell.source.rpartition("\n")[2]
        assert pictures(cell) == last.startswith("viz."), cell.source
        assert not complaints(cell), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_what_it_prints_and_the_index_leads_to_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count]
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert f"({path.relative_to(ROOT / 'docs').as_posix()})" in index
    links = [link for cell in notebook.cells if cell.cell_type == "markdown" for link in LINK.findall(cell.source)]
    assert not [link for link in links if not (path.parent / link).exists()]
