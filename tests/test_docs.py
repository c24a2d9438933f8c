"""README.md and docs/: every Python example runs and prints what the page says, every command line is one.

The ```python blocks of a page share one namespace and a folder of their own. Those with ``>>>`` are doctests.
"""

import doctest
import inspect
import re
import shlex
from pathlib import Path

import pytest

import eventsim
from eventsim import cli, models
from eventsim.engines.sample_state import NAMES
from eventsim.hardware import reference as chips
from eventsim.models import digits
from eventsim.models import verify as verify_function
from eventsim.models.data import reference as data_sets
from eventsim.models.neurons import reference
from eventsim.models.readers.graph_constants import CONSTANT_OPERATIONS
from eventsim.models.readers.graph_walk import OPERATIONS
from eventsim.models.readers.keras_layers import KERAS_LAYERS
from eventsim.models.readers.read_onnx import ONNX_OPERATIONS
from eventsim.models.readers.supported import BECOMES, operations_table, supported_operations
from eventsim.models.readers.torch_modules import TORCH_MODULES
from eventsim.network.neuron_model import model_names

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)(?P<target>[^)#]+)(?:#[^)]*)?\)")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LISTED = [
    "ttfs_b1", "ttfs_alpha1", "linear_psp", "integrator", "relay", "falling_threshold", "step_psp",
    "if_delta", "lif_delta", "qif", "lif_exp", "lif_alpha", "if_exp", "alpha_psp", "glif", "lif_clocked",
]  # fmt: skip
OPTIONAL = {  # packages that the examples of a page import
    "exchange-with-nir": ("nir",),
    "train-with-pytorch": ("torch",),
    "read-a-trained-network": ("torch", "onnx"),
}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Line number and text of each block of a language."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start("text")), found["text"])
        for found in FENCE.finditer(text)
        if found["language"] == language
    ]


def with_blocks(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


def needing_packages(page: Path) -> object:
    """A page whose examples import an optional package is tested where that is installed."""
    return pytest.param(page, marks=pytest.mark.references) if page.stem in OPTIONAL else page


def run_block(page: Path, line: int, text: str, namespace: dict) -> None:
    """Run one block; a failure names the page and the line."""
    if ">>>" not in text:
        exec(compile("\n" * line + text, str(page), "exec"), namespace)  # noqa: S102 - our own pages
        return
    parsed = doctest.DocTestParser().get_doctest(text, namespace, shown(page), str(page), line)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(parsed, out=report.append, clear_globs=False)
    assert not report, "".join(report)
    namespace.update(parsed.globs)


@pytest.mark.parametrize("page", [needing_packages(page) for page in with_blocks("python")], ids=shown)
def test_the_python_examples_of_a_page_run_and_print_what_it_says(page, tmp_path, monkeypatch):
    for package in OPTIONAL.get(page.stem, ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    namespace: dict = {"__name__": "__main__"}
    for line, text in blocks(page, "python"):
        run_block(page, line, text, namespace)


@pytest.mark.parametrize("page", with_blocks("console"), ids=shown)
def test_the_command_lines_of_a_page_are_accepted_by_the_parser(page):
    parser = cli.build_parser()
    for _, text in blocks(page, "console"):
        for line in text.splitlines():
            program, *words = shlex.split(line.removeprefix("$ "), comments=True) or [""]
            if line.startswith("$ eventsim"):
                assert program == "eventsim"
                parser.parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_and_pictures_exist(page):
    targets = [found["target"] for found in LINK.finditer(page.read_text(encoding="utf-8"))]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert not [page for page in pages if page != "index.md" and f"({page})" not in index]


def test_the_page_of_neuron_models_is_made_of_their_tables():
    page = (ROOT / "docs" / "reference" / "neuron-models.md").read_text(encoding="utf-8")
    assert page == reference.page(), "remake it: the first lines of models/neurons/reference.py say how"


def test_the_page_of_chips_is_made_of_the_chips():
    page = (ROOT / "docs" / "reference" / "chips.md").read_text(encoding="utf-8")
    assert page == chips.page(), "remake it: the first lines of eventsim/hardware/reference.py say how"


def test_the_page_of_data_sets_is_made_of_the_catalogue():
    page = (ROOT / "docs" / "reference" / "data-sets.md").read_text(encoding="utf-8")
    assert page == data_sets.page(), "remake it: the first lines of models/data/reference.py say how"


def test_the_causes_are_defined_as_in_verify():
    page = (ROOT / "docs" / "reference" / "causes.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| \*\*(\w+)\*\* \| (.*?) \|", page, re.MULTILINE))
    source = inspect.getdoc(inspect.getmodule(verify_function)) or ""
    defined = {
        name: " ".join(text.split()) for name, text in re.findall(r"^(\w+)\n((?:    .+\n?)+)", source, re.MULTILINE)
    }
    assert list(defined) == list(models.VerificationReport.CAUSES)
    assert documented == defined


def test_the_readme_lists_every_neuron_model():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE) == LISTED
    assert set(LISTED) <= set(model_names())


def test_the_supported_layers_are_those_of_the_readers():
    page = (ROOT / "docs" / "reference" / "supported-layers.md").read_text(encoding="utf-8")
    assert operations_table() in page
    assert set(BECOMES) == {*OPERATIONS, *CONSTANT_OPERATIONS, "constant", "decision"}
    for source, table in (("ONNX", ONNX_OPERATIONS), ("PyTorch modules", TORCH_MODULES), ("Keras", KERAS_LAYERS)):
        named = [name for row in supported_operations().values() for name in row[source]]
        assert set(table) <= set(named), source


def test_the_verify_table_of_the_readme_is_of_this_version():
    """All but the digits of the differences, which depend on the machine's arithmetic."""
    shown_table = next(text for _, text in blocks(ROOT / "README.md", "text") if "|Δt|/bound" in text).splitlines()
    relu, (images, _), (calibration, _) = digits.network(), digits.test_images(), digits.calibration_images()
    net = models.to_ttfs(relu, calibration)
    run = eventsim.simulate(net, images, error_bounds=True)  # as the README's own example does
    table = str(models.verify(net, relu, images, run=run).table()).splitlines()
    assert shown_table[0].split() == table[0].split()
    assert [line.split()[:-4] for line in shown_table[2:8]] == [line.split()[:-4] for line in table[2:8]]
    certificates = str(models.certify(net, run=run).table()).splitlines()
    assert [re.sub(r"[\d.]+e-\d+", "", line) for line in shown_table[8:-7]] == [
        re.sub(r"[\d.]+e-\d+", "", line) for line in [*table[8:], ""]
    ]
    assert [line.split()[:-1] for line in shown_table[-7:]] == [line.split()[:-1] for line in certificates]
    assert max(map(len, table)) <= 100


def test_the_rooms_of_the_design_are_those_there_are():
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rooms = page.partition("## Rooms")[2].partition("\n## ")[0]
    elsewhere = ("cli", "compiled", "reference", "models", "viz")
    files = [path for path in (ROOT / "eventsim").rglob("*.py") if not {*path.relative_to(ROOT).parts} & {*elsewhere}]
    modules = {path.stem for path in files} - {"__init__", "__main__"}
    assert modules <= set(re.findall(r"`(\w+)(?:\.py)?`", rooms))
    assert set(re.findall(r"`(\w+)\.py`", rooms)) <= modules
    engine = page.partition("## The compiled engine")[2].partition("\n## ")[0]
    parts = {path.stem for path in (ROOT / "eventsim" / "engines" / "compiled").glob("*.py")} - {"__init__"}
    assert parts <= set(re.findall(r"`(\w+)`", engine))


def test_the_page_of_formats_names_every_array_of_a_state():
    page = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `state<k>.")]
    named = {name for row in rows for name in re.findall(r"`(?:state<k>)?\.(\w+)`", row)}
    assert named == set(NAMES)
