"""Compiled loops on disk: where none can be kept, and what becomes of files that are damaged.

Each process is one of its own, with a folder of its own; the loop is a small one, which takes a second to compile.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eventsim._jit import CACHE

pytestmark = pytest.mark.skipif(not CACHE, reason="loops are not kept on disk")

PROGRAM = """
import numpy as np
import eventsim
from eventsim._jit import compile_report
from eventsim.engines.compiled.sources import most_at_once

print(most_at_once(np.array([1.0, 1.0, 2.0]), np.array([0, 3]), 0.5), compile_report().loops)
"""


def process(program: str = PROGRAM, **environment: str) -> tuple[str, str]:
    """What a program prints, and its warnings, each in a line."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "EVENTSIM_CACHE")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), "\n".join(line for line in done.stderr.splitlines() if "Warning" in line)


# Of numba's places for a cache, only the one that must be named: as where package and home cannot be written to.
NOWHERE = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}


def test_where_nothing_can_be_written_loops_are_compiled_and_one_warning_says_so() -> None:
    printed, warned = process(**NOWHERE)
    assert printed == "2 1"
    assert warned.count("RuntimeWarning") == 1
    for words in ("no folder for compiled loops can be written to", "no locator available", "EVENTSIM_CACHE"):
        assert words in warned
    assert process(**NOWHERE, EVENTSIM_CACHE="0") == ("2 1", "")


def test_info_says_that_no_loop_is_kept() -> None:
    printed, _ = process("from eventsim.cli import main; main(['info'])", **NOWHERE)
    assert "compiled loops not kept" in " ".join(printed.split())


def test_the_setting_names_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "not yet" / "loops"
    for compiled in (1, 0):
        assert process(**NOWHERE, EVENTSIM_CACHE=str(folder)) == (f"2 {compiled}", "")
    assert list(folder.rglob("*.nbc"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    printed, warned = process(EVENTSIM_CACHE=str(tmp_path / "file" / "loops"), NUMBA_CACHE_DIR=str(tmp_path / "other"))
    assert printed.startswith("2 ")
    assert warned.count("RuntimeWarning") == 1
    assert "a folder that cannot be made or written to" in warned


@pytest.mark.parametrize(("name", "value", "words"), [
    ("EVENTSIM_CACHE", "mycache", "'mycache'; must be 1 or 0, or a folder with a separator in its name, such as ./loo"),
    ("EVENTSIM_CACHE", "off", "'off'; must be 1 or 0, or a folder"),
    ("EVENTSIM_LOOPS", "Broad", "'Broad', did you mean 'broad'?; must be narrow or broad. It is taken as narrow"),
    ("EVENTSIM_LOOPS", "1", "'1'; must be narrow or broad."),
])  # fmt: skip
def test_a_setting_that_is_none_is_said_once(name: str, value: str, words: str) -> None:
    printed, warned = process("import eventsim.engines.compiled.alternatives as a; print(a.BROAD)", **{name: value})
    assert printed == str(os.environ.get("EVENTSIM_LOOPS") == "broad" and name != "EVENTSIM_LOOPS")
    assert warned.count("Warning") == 1
    assert f"RuntimeWarning: eventsim: the environment variable {name} = {words}" in warned


def test_settings_that_are_some_say_nothing(tmp_path: Path) -> None:
    imports = "import eventsim.engines.compiled.alternatives as a, eventsim._jit.kept_loops as c"
    program = f"{imports}; print(a.BROAD, c.SETTING, c.FOLDER)"
    for loops, cache, expected in (
        ("", "", "False 1 None"),
        ("narrow", "1", "False 1 None"),
        ("broad", "0", "True 0 None"),
        ("broad", str(tmp_path), f"True {tmp_path} {tmp_path}"),
    ):
        assert process(program, EVENTSIM_LOOPS=loops, EVENTSIM_CACHE=cache) == (expected, "")


def damaged(kind: str, content: bytes) -> bytes:
    """The bytes of a file after an accident."""
    rng = np.random.default_rng(5)
    if kind == "flipped":  # in the machine code, where nothing but a digest would tell
        place = len(content) // 2
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    return {"empty": b"", "cut": content[: len(content) // 2], "random": rng.bytes(len(content))}[kind]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one loop."""
    folder = tmp_path_factory.mktemp("loops")
    assert process(EVENTSIM_CACHE=str(folder)) == ("2 1", "")
    return folder


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".nbc", "empty"), (".nbc", "cut"), (".nbc", "random"), (".nbc", "flipped"), (".nbi", "cut"), (".nbi", "random")],
)
def test_a_damaged_file_is_compiled_again_and_replaced(suffix: str, kind: str, kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    setting = {"EVENTSIM_CACHE": str(tmp_path)}
    (file,) = tmp_path.rglob(f"*most_at_once*{suffix}")
    file.write_bytes(damaged(kind, file.read_bytes()))
    printed, warned = process(**setting)
    assert printed == "2 1"
    assert warned.count("RuntimeWarning") == 1
    assert "damaged or cannot be read" in warned
    assert process(**setting) == ("2 0", "")


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the sizes of files")
def test_a_full_disk_costs_time_only(tmp_path: Path) -> None:
    printed, warned = process(FULL + PROGRAM, EVENTSIM_CACHE=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")
    assert printed == "2 1"
    assert warned.count("RuntimeWarning") == 1
    assert "could not be kept in" in warned
    assert "EVENTSIM_CACHE" in warned
