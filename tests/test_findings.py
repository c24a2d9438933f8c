"""The form of `findings/`: scripts about other libraries, which nothing here runs (CONTRIBUTING.md)."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

FINDINGS = sorted((Path(__file__).resolve().parents[1] / "findings").iterdir())


def each() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)


@each()
def test_a_finding_is_an_executable_script_that_says_what_it_shows(path: Path) -> None:
    first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    assert (path.suffix, first) == (".sh", "#!/usr/bin/env bash")
    assert path.stat().st_mode & stat.S_IXUSR
    assert second.startswith("# ")
    assert re.search(r"\d+\.\d+", second)
    assert "set -euo pipefail" in rest
    subprocess.run(["bash", "-n", path], check=True)


@each()
def test_a_finding_installs_pinned_packages_into_a_folder_that_it_removes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "folder=$(mktemp -d)" in text
    assert "trap 'rm -rf \"$folder\"' EXIT" in text
    installs = re.findall(r"pip\"? install (.+)", text)
    assert installs
    for words in installs:
        packages = [word for word in words.split() if not word.startswith("-")]
        assert packages
        assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.+]+", package) for package in packages)


@each()
def test_a_finding_leaves_eventsim_out_and_can_fail(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "eventsim" not in text
    assert "assert " in text
