"""What a user finds by a dot: public names, `models` and `viz` when they are first used, and no module in the way."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

import eventsim
from eventsim import fabric, faults, hardware, models, profiles, study, viz

ROOT = Path(__file__).resolve().parents[1]
# Public names that are rooms of their own.
PACKAGES = {"arbiters", "data", "fabric", "faults", "hardware", "models", "neurons", "profiles", "study", "viz"}
ROOMS = (eventsim, fabric, faults, hardware, models, models.data, profiles, study, viz)


def fresh(code: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_eventsim_imports_neither_models_nor_matplotlib() -> None:
    heavy = "[name for name in sys.modules if name.split('.')[0] == 'matplotlib' or 'eventsim.models' in name]"
    assert fresh(f"import eventsim, sys; print({heavy}, 'eventsim.viz' in sys.modules)") == "[] False"


def test_models_and_viz_are_there_after_import_eventsim() -> None:
    code = "import eventsim; print(eventsim.models.neurons.LIF_EXP.name, eventsim.viz.raster.__name__)"
    assert fresh(code) == "lif_exp raster"
    assert fresh("import eventsim; import eventsim.models as m; print(m is eventsim.models)") == "True"


def test_a_name_that_is_not_there_is_an_attribute_error_with_a_hint() -> None:
    with pytest.raises(AttributeError, match="module 'eventsim' has no attribute 'simulte'") as error:
        _ = eventsim.simulte  # type: ignore[attr-defined]
    assert (error.value.name, error.value.obj) == ("simulte", eventsim)  # from which Python makes its hint
    assert not hasattr(eventsim, "modles")


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_dir_shows_what_belongs_to_users(room: types.ModuleType) -> None:
    names = dir(room)
    assert {*room.__all__} <= {*names}
    assert {*names} - {*room.__all__} <= {"hardware", "models", "study", "viz", "__version__"}
    for name in names:
        value = getattr(room, name)
        assert isinstance(value, types.ModuleType) == (name in PACKAGES), f"{room.__name__}.{name}"


@pytest.mark.parametrize("room", [viz, models, models.data, faults, fabric, hardware], ids=lambda room: room.__name__)
def test_no_module_has_nearly_the_name_of_a_public_function(room: types.ModuleType) -> None:
    """`viz.histogram` would be a module beside `viz.spike_histogram`, and not to be called."""
    inside = {name: value for name, value in vars(room).items() if isinstance(value, types.ModuleType)}
    modules = {name for name, value in inside.items() if not hasattr(value, "__path__")}
    for public in {*room.__all__} - PACKAGES:
        assert not [name for name in modules - PACKAGES if name in public.split("_")], public


def test_star_import_takes_no_room_that_is_slow_to_import() -> None:
    assert fresh("from eventsim import *; import sys; print('matplotlib' in sys.modules, simulate.__name__)") == (
        "False simulate"
    )
