"""Studies as TOML files, and ``eventsim study``: what is read, what is refused, what is printed and written."""

# mypy: disable-error-code="index"

import json
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from small_studies import data, network, study, told

from eventsim import EventsimError, FileFormatError, InputError, cli
from eventsim.cli.command import FAILED, OK, REFUSED
from eventsim.models import studies
from eventsim.study import load_results, read_study

GRID = '[grid]\n"jitter.sigma" = [0.0, 0.1, 0.5]\n'
HEAD = 'network = "net.npz"\ndata = "x.npy"\nlabels = "labels.npy"\nengine = "reference"\nseeds = 2\n'
FAULTS = 'faults = [{fault = "jitter"}]\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a network, data and labels, which is not the one in which commands run."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    network().save(inside / "net.npz")
    x, labels = data()
    np.save(inside / "x.npy", x)
    np.save(inside / "labels.npy", labels)
    return inside


def written(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text)
    return path


def test_a_file_says_what_a_study_in_python_says(folder):
    read = read_study(written(folder, 'title = "noise"\n' + HEAD + FAULTS + GRID))
    assert (read.title, read.out) == ("noise", folder / "my.sqlite")
    assert read.study.hash() == study().hash()
    assert told(read.study.run(jobs=1)) == told(study().run(jobs=1))


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ('[grid]\n"jitter.sigma" = {from = 0.0, to = 1.0, number = 3}', [0.0, 0.5, 1.0]),
        ('[grid]\n"jitter.sigma" = {from = 0.01, to = 1.0, number = 3, scale = "log"}', [0.01, 0.1, 1.0]),
        ('[[points]]\n"jitter.sigma" = 0.2\n[[points]]\n"jitter.sigma" = 0.1', [0.2, 0.1]),
        ('[bisection]\nknob = "jitter.sigma"\nlow = 0.0\nhigh = 1.0\nkeep = 0.9', [0.0, 1.0]),
    ],
)
def test_designs_are_read(folder, text, settings):
    read = read_study(written(folder, HEAD + FAULTS + text))
    assert [one["jitter.sigma"] for one in read.study.design.settings()] == pytest.approx(settings)


def test_random_draws_are_read(folder):
    text = '[random]\nnumber = 5\nseed = 3\n[random.knobs]\n"jitter.sigma" = {from = 1e-4, to = 0.1, scale = "log"}\n'
    read = read_study(written(folder, HEAD + FAULTS + text))
    values = [one["jitter.sigma"] for one in read.study.design.settings()]
    assert len(values) == 5
    assert all(1e-4 <= value <= 0.1 for value in values)


def test_networks_and_data_may_be_recipes_and_samples_the_first_ones(folder):
    text = 'network = "small_studies:network"\ndata = "small_studies:data"\nsamples = 5\n[settings]\nmargin = 0.7\n'
    text += '[grid]\n"network.margin" = [0.5]\n'
    read = read_study(written(folder, 'engine = "reference"\n' + text))
    assert read.study.setup.x.shape == (5, 4)
    assert read.study.setup.settings == {"margin": 0.7}


REFUSED_FILES = {
    "an unknown key": ("sedes = 2\n" + HEAD + FAULTS + GRID, InputError, "unknown key 'sedes', did you mean 'seeds'"),
    "an unknown design": (HEAD + FAULTS + '[gird]\n"jitter.sigma" = [0.1]', InputError, "did you mean 'grid'"),
    "no design": (HEAD + FAULTS, InputError, "no design; must have one of grid, points, random, bisection"),
    "two designs": (
        HEAD + FAULTS + GRID + '[[points]]\n"jitter.sigma" = 0.1', InputError, "grid, points; must have one",
    ),
    "an unknown key of a range": (
        HEAD + FAULTS + '[grid]\n"jitter.sigma" = {from = 0, to = 1, nmber = 3}', InputError, "did you mean 'number'",
    ),
    "an open range": (HEAD + FAULTS + '[grid]\n"jitter.sigma" = {from = 0, to = 1}', InputError, "number missing"),
    "an endless range": (
        HEAD + FAULTS + '[grid]\n"jitter.sigma" = {from = 0, to = inf, number = 3}', InputError, "a finite number",
    ),
    "NaN": (HEAD + FAULTS + '[grid]\n"jitter.sigma" = [nan]', InputError, "must be finite, since a grid"),
    "a log range from 0": (
        HEAD + FAULTS + '[grid]\n"jitter.sigma" = {from = 0, to = 1, number = 3, scale = "log"}', InputError,
        "must be > 0",
    ),
    "an unknown key of a bisection": (
        HEAD + FAULTS + '[bisection]\nknob = "jitter.sigma"\nlow = 0\nhigh = 1\nkep = 0.9', InputError,
        "did you mean 'keep'",
    ),
    "an unknown knob": (HEAD + FAULTS + '[grid]\n"jitter.sigm" = [0.1]', InputError, "did you mean 'sigma'"),
    "an unknown setting of a fault": (
        HEAD + 'faults = [{fault = "jitter", sgima = 1.0}]\n[grid]\n"until" = [9.0]', EventsimError, "'sigma'",
    ),
    "no network": ('data = "x.npy"\n' + FAULTS + GRID, InputError, "network = None"),
    "a network that is not there": (
        'network = "nte.npz"\ndata = "x.npy"\n' + FAULTS + GRID, FileFormatError, "no such",
    ),
    "data that are not there": (
        'network = "net.npz"\ndata = "y.npy"\n' + FAULTS + GRID, FileFormatError, "no such file",
    ),
    "no TOML": ("network = \n", FileFormatError, "this is no TOML"),
    "a number for a name": (HEAD + "output = 3\n" + FAULTS + GRID, InputError, "output = 3; must be a string"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED_FILES)
def test_a_file_is_refused_with_what_is_wrong(folder, what, capsys):
    text, error, message = REFUSED_FILES[what]
    path = written(folder, text)
    with pytest.raises(error, match=message):
        read_study(path)
    assert cli.main(["study", str(path)]) == REFUSED
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert not path.with_suffix(".sqlite").exists()


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_runs_a_study_exports_it_and_goes_on(folder, capsys):
    path = written(folder, HEAD + FAULTS + GRID)
    assert cli.main(["study", str(path), "--jobs", "1"]) == OK
    printed = capsys.readouterr().out
    assert "6 points computed" in printed
    assert "jitter.sigma  seeds  accuracy" in printed
    assert cli.main(["study", str(path), "--jobs", "1"]) == REFUSED
    assert "--resume" in capsys.readouterr().err
    assert cli.main(["study", str(path), "--jobs", "1", "--resume", "--json"]) == OK
    content = json.loads(capsys.readouterr().out)
    assert content["complete"]
    assert [point["settings"]["jitter.sigma"] for point in content["points"]] == [0.0, 0.0, 0.1, 0.1, 0.5, 0.5]
    assert told(load_results(folder / "my.sqlite")) == told(study().run(jobs=1))


def test_a_point_that_fails_is_exit_code_1(folder, capsys):
    text = 'network = "small_studies:network"\ndata = "small_studies:data"\nengine = "reference"\n'
    path = written(folder, text + '[grid]\n"network.fail" = [false, true]\n')
    assert cli.main(["study", str(path), "--jobs", "1", "--out", "here.sqlite"]) == FAILED
    assert "1 failed: RuntimeError" in capsys.readouterr().out
    assert Path("here.sqlite").is_file()


def test_a_bisection_prints_its_border(folder, capsys):
    text = HEAD + FAULTS + '[bisection]\nknob = "jitter.sigma"\nlow = 0.0\nhigh = 4.0\nkeep = 0.95\nwithin = 0.5\n'
    assert cli.main(["study", str(written(folder, text)), "--jobs", "1"]) == OK
    printed = capsys.readouterr().out
    assert "meets the target" in printed
    assert "it is assumed that the result is monotone in the knob" in printed


def test_recipes_may_stand_beside_the_file(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / "mine_beside.py").write_text("from small_studies import data, network\n")
    text = 'network = "mine_beside:network"\ndata = "mine_beside:data"\nengine = "reference"\n'
    path = written(folder, text + '[grid]\n"network.margin" = [0.5, 1.0]\n')
    assert cli.main(["study", str(path), "--jobs", "1"]) == OK
    assert "2 points computed" in capsys.readouterr().out


def test_wrong_use_is_said(folder, capsys):
    assert cli.main(["study", "digits-jiter"]) == REFUSED
    assert "did you mean 'digits-jitter'?" in capsys.readouterr().err
    path = written(folder, HEAD + FAULTS + GRID)
    assert cli.main(["study", str(path), "--export", "all.xls"]) == REFUSED
    assert "must end in .csv or .parquet" in capsys.readouterr().err


@pytest.mark.parametrize(("missing", "ending"), [("pandas", "csv"), ("pandas", "parquet"), ("pyarrow", "parquet")])
def test_what_an_export_needs_is_asked_for_before_anything_runs(folder, monkeypatch, capsys, missing, ending):
    for name in ("pandas", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else types.ModuleType(name))
    path = written(folder, HEAD + FAULTS + GRID)
    assert cli.main(["study", str(path), "--jobs", "1", "--export", f"all.{ending}"]) == REFUSED
    assert f"study --export needs {missing}" in capsys.readouterr().err
    assert not path.with_suffix(".sqlite").exists()


@pytest.mark.references
def test_results_are_exported(folder):
    pandas = pytest.importorskip("pandas")
    path = written(folder, HEAD + FAULTS + GRID)
    assert cli.main(["study", str(path), "--jobs", "1", "--export", "a.csv", "--export", "a.parquet"]) == OK
    results = load_results(folder / "my.sqlite")
    text, parquet, frame = pandas.read_csv("a.csv"), pandas.read_parquet("a.parquet"), results.to_pandas()
    for one in (text, parquet, frame):
        assert one["knob jitter.sigma"].tolist() == [0.0, 0.0, 0.1, 0.1, 0.5, 0.5]
        assert one["accuracy"].tolist() == [entry.result["accuracy"] for entry in results.entries]
        assert one["counters.late"].tolist() == [entry.result["late"] for entry in results.entries]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_in_order_with_a_summary_and_the_study_goes_on(folder, jobs):
    waits = ", ".join(f"{0.2 + 0.001 * k:.3f}" for k in range(200))
    text = 'network = "small_studies:network"\ndata = "small_studies:data"\nengine = "reference"\n'
    path = written(folder, text + f'[grid]\n"network.wait" = [{waits}]\n')
    command = [sys.executable, "-m", "eventsim", "study", str(path), "--jobs", jobs]
    places = {"PYTHONPATH": ":".join(part for part in sys.path if part)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=places, start_new_session=True
    )
    out, deadline = folder / "my.sqlite", time.monotonic() + 60
    while not (out.exists() and any(entry.result for entry in _entries(out))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "points computed in" in said
    assert "go on with --resume" in said
    states = [entry.state for entry in load_results(out).entries]
    assert "claimed" not in states
    assert {"done", "open"} == set(states)


def _entries(path: Path):
    try:
        return load_results(path).entries
    except FileFormatError:  # it is being made
        return ()


# -- those that come with eventsim -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", studies.names())
def test_each_study_that_comes_with_eventsim_can_be_read(name):
    read = read_study(studies.path(name))
    assert read.title == studies.title(name)
    assert 5 < len(read.study.points()) <= 250


@pytest.mark.parametrize("name", studies.names())
def test_each_study_that_comes_with_eventsim_runs(folder, name):
    """On two images, the ends of each knob, and one seed: every point has a result, and the ends are not the same."""
    text = studies.path(name).read_text(encoding="utf-8")
    text, cut = re.subn(r"^(\".*\" = )\[([^,]+),.*, ([^,]+)\]$", r"\1[\2, \3]", text, flags=re.MULTILINE)
    text = text.replace("[1, 1000]", "[1, 20]")  # to certify 1,000 images takes half a minute
    text = 'samples = 2\nengine = "reference"\n' + re.sub(r"^seeds = 16$", "", text, flags=re.MULTILINE)
    results = read_study(written(folder, text)).study.run(jobs=1)
    assert cut >= 1
    assert [entry.error for entry in results.entries] == [None] * len(results.entries)
    assert len(results.entries) >= 2
    first, last = ([*result.values()] for _, _, _, _, result, _ in (told(results)[0], told(results)[-1]))
    assert first != last
    assert all(entry.result["samples"] == 2 for entry in results.entries)


@pytest.mark.slow
def test_a_study_that_comes_with_eventsim_shows_what_its_title_says():
    """Shorter windows: earlier answers, more premature neurons; as long as the largest activation: no flips."""
    results = read_study(studies.path("digits-window-cuts")).study.run(jobs=1)
    rows = [entry.result for entry in results.entries]
    assert [row["samples"] for row in rows] == [400] * 9
    for key, direction in (("premature", -1), ("decided_max", 1)):
        values = [direction * row[key] for row in rows]
        assert values == sorted(values)
        assert len({*values}) == 9
    assert rows[-1]["agreement"] == 1.0
    assert rows[0]["accuracy"] < 0.5 < rows[-1]["accuracy"]


def test_the_studies_are_listed(capsys):
    assert cli.main(["study", "--list"]) == OK
    assert capsys.readouterr().out.count("\n") == len(studies.names()) >= 7
