"""Examples that show a whole way in few lines: they stay short, run, and draw the picture that the docs show."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib import image

ROOT = Path(__file__).resolve().parents[1]
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
NAMES = (
    "pytorch_network",
    "recurrent_network",
    "bus_and_clock",
    "moved_spikes_digits",
    "floor_plan",
    "chip_latency",
    "chip_journeys",
    "training_digits",
)
MOST_LINES = 40


def example(name: str) -> ModuleType:
    """The module that a script is, not run as a program."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_and_the_docs_name_it_and_show_its_picture(name: str) -> None:
    lines = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < MOST_LINES
    assert f"`examples/{name}.py`" in PAGES
    assert f"images/{name}.png" in PAGES
    assert (ROOT / "docs" / "images" / f"{name}.png").exists()


# Beside the references, since each compiles loops that no other test needs.
@pytest.mark.references
@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_and_draws_a_picture_of_the_same_size(name: str, tmp_path: Path) -> None:
    module = example(name)
    kept, module.PICTURE = module.PICTURE, tmp_path / "drawn.png"  # type: ignore[attr-defined]
    module.main()
    assert image.imread(module.PICTURE).shape == image.imread(kept).shape
