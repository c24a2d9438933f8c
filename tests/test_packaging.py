"""The folders models/ and viz/ are `eventsim.models` and `eventsim.viz`, however eventsim was installed."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINKS = {"eventsim/models": "../models", "eventsim/viz": "../viz"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENTRY_POINTS = PROJECT["project"]["entry-points"]["eventsim.neuron_models"]


def output_of_a_fresh_python(code: str, folder: Path) -> str:
    """Run `code` in a new interpreter, in `folder`, and return what it printed."""
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def package_folders() -> dict[str, Path]:
    """Dotted name and folder of every package in the checkout, by the real folders."""
    rooms = {"eventsim": ROOT / "eventsim", "eventsim.models": ROOT / "models", "eventsim.viz": ROOT / "viz"}
    found = {}
    for name, room in rooms.items():
        for init in room.rglob("__init__.py"):
            folder = init.parent
            inner = folder.relative_to(room).parts
            if folder.resolve() == folder:  # what lies behind a link is found in its own room
                found[".".join((name, *inner))] = folder
    return found


@pytest.mark.parametrize("link", LINKS)
def test_the_rooms_are_reached_through_tracked_links(link: str) -> None:
    listed = subprocess.run(["git", "ls-files", "--stage", link], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0 or not listed.stdout:
        pytest.skip("not a git checkout, or the link is not yet tracked")
    assert listed.stdout.startswith("120000 "), f"git must hold {link} as a symbolic link"
    assert (ROOT / link).is_symlink()
    assert (ROOT / link).readlink() == Path(LINKS[link])


def test_no_import_makes_a_top_level_models_or_viz(tmp_path: Path) -> None:
    code = (
        "import sys, eventsim, eventsim.models, eventsim.viz\n"
        "print(sorted({'models', 'viz'} & set(sys.modules)), eventsim.models.__name__, eventsim.viz.__name__)"
    )
    assert output_of_a_fresh_python(code, tmp_path) == "[] eventsim.models eventsim.viz"


@pytest.mark.parametrize("package", ["eventsim", "eventsim.models"])
def test_an_import_does_not_bring_in_what_only_some_users_need(package: str, tmp_path: Path) -> None:
    heavy = {"matplotlib", "sklearn", "torch", "onnx", "onnxruntime"}  # scipy is numba's doing where it is installed
    code = f"import sys, {package}; print(sorted({heavy!r} & set(sys.modules)))"
    assert output_of_a_fresh_python(code, tmp_path) == "[]"


def test_every_package_is_listed_and_every_listed_package_exists() -> None:
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(package_folders())


def test_the_mapping_of_folders_names_each_package_outside_the_eventsim_folder() -> None:
    expected = {
        name: folder.relative_to(ROOT).as_posix()
        for name, folder in package_folders().items()
        if not folder.is_relative_to(ROOT / "eventsim")
    }
    assert PROJECT["tool"]["setuptools"]["package-dir"] == expected


def test_eventsim_says_that_it_is_typed() -> None:
    assert (ROOT / "eventsim" / "py.typed").is_file()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["eventsim"]


def test_each_data_file_of_a_package_is_in_the_wheel() -> None:
    package_data = PROJECT["tool"]["setuptools"]["package-data"]
    for name, folder in package_folders().items():
        wanted = {path for pattern in package_data.get(name, []) for path in folder.glob(pattern)}
        others = {path for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}
        assert others == wanted, f"{name}: package-data of pyproject.toml and the folder differ"


def test_the_installed_entry_points_are_those_of_pyproject() -> None:
    installed = importlib.metadata.entry_points(group="eventsim.neuron_models")
    ours = {point.name: point.value for point in installed if point.value.startswith("eventsim.")}
    assert ours == ENTRY_POINTS, "install again: pip install -e ."


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_each_neuron_model_is_registered_under_its_own_name(name: str) -> None:
    (point,) = importlib.metadata.entry_points(group="eventsim.neuron_models", name=name)
    assert point.load().name == name


def test_the_command_resolves() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="eventsim")
    assert callable(script.load())


def test_there_is_one_version() -> None:
    version = PROJECT["project"]["version"]
    assert importlib.metadata.version("eventsim") == version, "install again: pip install -e ."
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
