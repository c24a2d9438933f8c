"""The file of a study survives: kills, two writers, dying workers, failing points, files of others."""

# mypy: disable-error-code="union-attr, index, var-annotated"

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_studies
from small_studies import study, told

from eventsim import FileFormatError, InputError, SimulationError
from eventsim.study import load_results, work
from eventsim.study.owners import is_dead, new_owner
from eventsim.study.point import Point
from eventsim.study.runner import AHEAD
from eventsim.study.store import CLAIMED, DONE, Store, packed, storable, unpacked

FOLDER = Path(__file__).parent
MANY = {"jitter.sigma": [round(0.01 * k, 3) for k in range(60)]}
KILLS = 20
# One interpreter for all kills: each child is a fork of it that runs the study, and is killed at a moment of its own.
KILLED = f"""
import os, random, signal, sys, time
sys.path.insert(0, {str(FOLDER)!r})
from small_studies import study
from eventsim.errors import FileFormatError
from eventsim.study import load_results, work

MANY, KILLS = {MANY!r}, {KILLS}
one, moments = study(MANY), random.Random(int(sys.argv[2]))

def child():
    if not (number := os.fork()):
        one.run(sys.argv[1], resume=True, jobs=1)
        os._exit(0)
    return number

killed, finished = 0, {{}}
while killed < KILLS:
    number = child()
    time.sleep(moments.uniform(0.0, 0.12))
    os.kill(number, signal.SIGKILL)
    _, status = os.waitpid(number, 0)
    assert os.WIFSIGNALED(status), "the study was over before all kills: it needs more points"
    killed += 1
    if not os.path.exists(sys.argv[1]):
        continue
    try:
        entries = load_results(sys.argv[1]).entries
    except FileFormatError as error:  # killed before the first transaction, which is taken back
        assert "is empty" in str(error) and not finished
        continue
    for entry in entries:
        if entry.result is not None:
            # What is done stays done, to the second that it took: nothing is computed twice.
            assert finished.setdefault(entry.number, entry.result["seconds"]) == entry.result["seconds"]
number = child()
assert os.waitpid(number, 0)[1] == 0
for entry in load_results(sys.argv[1]).entries:
    assert finished.setdefault(entry.number, entry.result["seconds"]) == entry.result["seconds"]
print(killed, len(finished))
"""


def run_script(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks")
def test_a_study_that_is_killed_again_and_again_gives_the_same_table(tmp_path):
    path = tmp_path / "killed.sqlite"
    assert run_script(KILLED, path, 3) == f"{KILLS} 120"
    undisturbed = study(MANY).run(jobs=1)
    assert told(load_results(path)) == told(undisturbed)
    assert load_results(path).complete


def test_a_killed_study_leaves_no_workers_behind(tmp_path):
    """Those of a pool that nobody waits for would wait for work for ever."""
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n"
        "import multiprocessing, os, signal, threading, time\n"
        "from small_studies import study\n"
        "if __name__ == '__main__':\n"
        "    def kill():\n"
        "        while not (found := multiprocessing.active_children()): time.sleep(0.01)\n"
        "        time.sleep(3.0); print(*[one.pid for one in found], flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    threading.Thread(target=kill, daemon=True).start()\n"
        "    waits = {'network.wait': [0.01 * k for k in range(200)]}\n"
        "    study(waits, network='small_studies:network', faults=()).run(jobs=2)\n"
    )
    script = tmp_path / "killed.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    workers = list(map(int, done.stdout.split()))
    assert workers
    deadline = time.monotonic() + 30
    while any(_lives(number) for number in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_two_writers_share_the_points_and_compute_none_twice(tmp_path):
    path = tmp_path / "shared.sqlite"
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(study(MANY).run, path, resume=True, jobs=1) for _ in range(2)]
        results = [one.result() for one in both]
    assert told(results[0]) == told(results[1]) == told(study(MANY).run(jobs=1))
    computed = [one.tally.computed for one in results]
    assert sum(computed) == 120
    assert all(computed)


WRITER = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
from small_studies import study
print(study({MANY!r}).run(sys.argv[1], resume=True, jobs=1).tally.computed)
"""


@pytest.mark.slow
def test_one_of_two_processes_is_killed_and_the_other_one_finishes(tmp_path):
    path = tmp_path / "shared.sqlite"
    command = [sys.executable, "-c", WRITER, str(path)]
    killed, left = (subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2))
    deadline = time.monotonic() + 60
    while not _owned_by(path, killed.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.kill()
    killed.communicate(timeout=60)
    said, _ = left.communicate(timeout=120)
    assert left.returncode == 0
    assert 0 < int(said) <= 120
    assert told(load_results(path)) == told(study(MANY).run(jobs=1))


def _owned_by(path: Path, process: int) -> bool:
    """Does a process work on a point of this file?"""
    try:
        with contextlib.closing(sqlite3.connect(path)) as db:
            owners = [row[0] for row in db.execute("SELECT owner FROM points WHERE state = 'claimed'")]
    except sqlite3.Error:  # it is being made
        return False
    return any(int(owner.split("|")[1]) == process for owner in owners)


def test_what_is_there_is_not_computed_again(tmp_path):
    path = tmp_path / "s.sqlite"
    assert study().run(path, jobs=1).tally.computed == 6
    again = study().run(path, resume=True, jobs=1)
    assert again.tally.computed == 0
    assert told(again) == told(load_results(path))


def test_a_file_with_results_is_not_written_over(tmp_path):
    path = tmp_path / "s.sqlite"
    study().run(path, jobs=1)
    with pytest.raises(InputError, match="holds results already; must be another file, or be gone on with"):
        study().run(path, jobs=1)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"seeds": 3}, "it differs in seeds"),
        ({"design": {"jitter.sigma": [0.0]}}, "it differs in design"),
        ({"faults": [{"fault": "jitter", "past": "drop"}]}, "it differs in faults"),
        ({"labels": None}, "it differs in labels"),
        ({"clip": True}, "it differs in options"),
        ({"network": "small_studies:network"}, "it differs in network"),
    ],
)
def test_a_file_of_another_study_is_refused_with_what_differs(tmp_path, other, said):
    path = tmp_path / "s.sqlite"
    study().run(path, jobs=1)
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"results of another study: {said}"):
        study(**other).run(path, resume=True, jobs=1)
    assert path.read_bytes() == before


def test_files_of_others_are_refused_and_not_touched(tmp_path):
    text, foreign = tmp_path / "text.sqlite", tmp_path / "foreign.sqlite"
    text.write_text("no database, but long enough to look at " * 100)
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    for path, said in ((text, "no SQLite file"), (foreign, "another SQLite file")):
        before = path.read_bytes()
        with pytest.raises(FileFormatError, match=said):
            study().run(path, resume=True, jobs=1)
        with pytest.raises(FileFormatError, match=said):
            load_results(path)
        assert path.read_bytes() == before
    with pytest.raises(FileFormatError, match="no such file"):
        load_results(tmp_path / "nobody.sqlite")
    with pytest.raises(InputError, match="does not exist"):
        study().run(tmp_path / "no" / "folder.sqlite", jobs=1)


# -- points that misbehave ---------------------------------------------------------------------------------------------


def test_a_point_that_fails_is_recorded_with_its_error_and_the_study_goes_on(tmp_path):
    one = study({"network.fail": [False, True]}, network="small_studies:network", faults=())
    results = one.run(tmp_path / "s.sqlite", jobs=1)
    assert [entry.state for entry in results.entries] == ["done", "done", "failed", "failed"]
    assert results.failures[0].error == "RuntimeError: this network cannot be made"
    assert (results.tally.computed, results.tally.failed) == (4, 2)
    again = one.run(tmp_path / "s.sqlite", resume=True, jobs=1)
    assert again.tally.computed == 0
    retried = one.run(tmp_path / "s.sqlite", resume=True, retry_failed=True, jobs=1)
    assert (retried.tally.computed, retried.tally.failed) == (2, 2)
    assert "2 failed: RuntimeError" in results.table()


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_counted(tmp_path):
    design = {"network.die": ["", str(tmp_path), "always"]}
    one = study(design, network="small_studies:network", faults=(), seeds=1)
    results = one.run(tmp_path / "s.sqlite", jobs=2, most_deaths=2)
    assert [entry.state for entry in results.entries] == ["done", "done", "failed"]
    assert results.failures[0].error.startswith("2 workers died of it (BrokenProcessPool")
    assert results.tally.deaths >= 3  # once of the second point, and twice of the third


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "unguarded.py"
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r})\nfrom small_studies import study\nstudy().run(jobs=2)\n"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 1
    assert 'call run below `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]


def test_a_given_executor_that_breaks_ends_the_study_with_a_reason(tmp_path):
    class Broken(ThreadPoolExecutor):
        def submit(self, *_args, **_more):
            raise BrokenProcessPool("gone")

    with Broken() as pool, pytest.raises(SimulationError, match="what was computed is kept"):
        study().run(tmp_path / "s.sqlite", executor=pool)
    assert load_results(tmp_path / "s.sqlite").entries[0].state == "open"


@pytest.mark.parametrize("told", [False, True])
def test_a_call_that_is_cancelled_is_a_lost_worker_and_computed_again(told):
    """As where a cluster is gone: whether those that wait are told depends on the executor."""

    class Losing(ThreadPoolExecutor):
        calls = 0

        def submit(self, *given, **more):
            Losing.calls += 1
            if Losing.calls not in (3, 4):
                return super().submit(*given, **more)
            future: Future[Any] = Future()
            future.cancel()
            if told:
                future.set_running_or_notify_cancel()
            return future

    with Losing(1) as pool:
        results = study().run(executor=pool, jobs=2)
    assert results.tally.deaths >= 1
    assert [entry.state for entry in results.entries] == ["done"] * 6


def test_points_whose_calls_are_always_cancelled_end_the_study_with_a_reason(tmp_path):
    class Gone(ThreadPoolExecutor):
        def submit(self, *_given, **_more):
            future: Future[Any] = Future()
            future.cancel()
            return future

    with Gone() as pool, pytest.raises(SimulationError, match="the call was cancelled"):
        study().run(tmp_path / "s.sqlite", executor=pool)
    assert load_results(tmp_path / "s.sqlite").entries[0].state == "open"


# -- executors ---------------------------------------------------------------------------------------------------------


def test_threads_of_any_executor_give_the_same_rows():
    with ThreadPoolExecutor(3) as pool:
        results = study().run(executor=pool)
    assert told(results) == told(study().run(jobs=1))
    with pytest.raises(InputError, match="executor = 5"):
        study().run(executor=5)


@pytest.mark.slow
def test_processes_give_the_same_rows_and_data_travel_to_each_once():
    """Not once for each of the 120 points: a worker asks while its data are on the way, for what is in flight then."""
    results = study(MANY).run(jobs=2)
    assert told(results) == told(study(MANY).run(jobs=1))
    assert len(results.tally.workers) <= 2
    assert 1 <= results.tally.sent <= 2 * AHEAD * 2  # for each of two workers, all that is handed out to both


def test_a_design_that_asks_on_uses_one_file(tmp_path):
    one = study({"jitter.sigma": [0.1]}, seeds=1)
    one.run(tmp_path / "s.sqlite", jobs=1)
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        (row,) = db.execute("SELECT settings, seed, samples FROM results").fetchall()
    db.close()
    assert row == ('[["jitter.sigma",0.1]]', "0", 12)
    assert [file.name for file in tmp_path.iterdir()] == ["s.sqlite"]


# -- the store itself --------------------------------------------------------------------------------------------------


def store(path: Path, resume: bool = False, lease: float = 30.0) -> Store:
    return Store(path, {"a": "1"}, {"knobs": []}, resume, lease)


def points(n: int) -> list[Point]:
    return [Point((("k", k),), 2**64 - 1) for k in range(n)]


def test_no_point_is_claimed_twice_and_those_of_a_dead_lease_are_free(tmp_path):
    one = store(tmp_path / "s.sqlite", lease=0.05)
    one.add(points(4))
    other = store(tmp_path / "s.sqlite", resume=True)
    first = one.claim(3)
    assert [claimed.point for claimed in first] == points(3)
    assert [claimed.number for claimed in other.claim(3)] == [4]
    time.sleep(0.1)
    assert [claimed.number for claimed in other.claim(9)] == [1, 2, 3]
    one.close()
    assert other.counts() == {"open": 0, CLAIMED: 4, DONE: 0, "failed": 0}
    other.close()


def test_a_heartbeat_keeps_a_claim(tmp_path):
    one = store(tmp_path / "s.sqlite", lease=0.2)
    one.add(points(1))
    one.claim(1)
    other = store(tmp_path / "s.sqlite", resume=True)
    for _ in range(4):
        time.sleep(0.1)
        one.keep()
        assert not other.claim(1)
    one.close()
    assert other.claim(1)
    other.close()


def test_each_connection_waits_for_the_disk(tmp_path, monkeypatch):
    """Also where SQLite was built with another default."""
    connect = sqlite3.connect

    def careless(*given: Any, **more: Any) -> sqlite3.Connection:
        db = connect(*given, **more)
        db.execute("PRAGMA synchronous = OFF")
        return db

    monkeypatch.setattr(sqlite3, "connect", careless)
    one = store(tmp_path / "s.sqlite")
    assert one._db.execute("PRAGMA synchronous").fetchone() == (2,)
    one.close()


def claim_and_die(path: Path) -> None:
    one = store(path, resume=True)
    one.claim(2)
    os._exit(1)


def test_the_points_of_a_dead_process_of_this_machine_are_free_at_once(tmp_path):
    one = store(tmp_path / "s.sqlite")
    one.add(points(3))
    process = multiprocessing.get_context("fork").Process(target=claim_and_die, args=(tmp_path / "s.sqlite",))
    process.start()
    process.join()
    assert [claimed.number for claimed in one.claim(3)] == [1, 2, 3]
    one.close()


def test_owners_know_the_dead():
    mine = new_owner()
    assert not is_dead(mine)
    machine, number, began, name = mine.split("|")
    assert is_dead("|".join([machine, number, f"{began}1", name]))  # another process has its number
    assert not is_dead(f"elsewhere|1|{began}|{name}")


@pytest.mark.parametrize("shape", [(5,), (5, 3), (0,)])
def test_decisions_come_back_as_they_were(shape):
    given = np.random.default_rng(1).integers(-1, 1000, shape)
    found = unpacked(packed(given), shape[0])
    assert found.tolist() == given.tolist()
    assert unpacked(packed(None), 3) is None


# -- recipes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", [{"network.margin": [0.5]}, {"jitter.sigma": [0.1]}])
@pytest.mark.parametrize("again", ["the same study", "another one"])
def test_a_recipe_that_makes_another_network_is_another_study(tmp_path, monkeypatch, design, again):
    """Its text is the same: what it reads has changed."""
    given = {"network": "small_studies:shifted", "faults": [{"fault": "jitter", "sigma": 0.0}], "seeds": 1}
    one = study(design, **given)
    (before,) = one.run(tmp_path / "s.sqlite", jobs=1).entries
    monkeypatch.setattr(small_studies, "OFFSET", 1.5)
    other = one if again == "the same study" else study(design, **given)
    with pytest.raises(InputError, match="it differs in network"):
        other.run(tmp_path / "s.sqlite", resume=True, jobs=1)
    (after,) = other.run(jobs=1).entries
    assert after.result is not None
    assert before.result is not None
    assert after.result["decided_max"] > before.result["decided_max"]


def test_a_process_keeps_nothing_of_a_study_that_is_over():
    study().run(jobs=1)
    with ThreadPoolExecutor(2) as pool:
        study().run(executor=pool)
    assert not work._BENCHES


def test_threads_that_meet_a_setup_at_one_time_share_its_bench():
    setup = study().setup
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: work._bench("shared", 1, setup), range(64)))
    try:
        assert len(found) == 1
        assert work._bench("shared", 2, None) is None
        assert work._bench("shared", 2, setup) not in found
    finally:
        work.forget("shared")
    assert not work._BENCHES


@pytest.mark.parametrize(
    "damage",
    ["UPDATE points SET result = '{' WHERE number = 1", "UPDATE points SET result = '5' WHERE number = 1",
     "UPDATE points SET seed = 'x' WHERE number = 1", "UPDATE points SET decisions = x'00' WHERE number = 1",
     "DELETE FROM study", "UPDATE study SET value = '{'", "DROP TABLE points"],
)  # fmt: skip
def test_a_damaged_file_of_results_is_refused_in_words(tmp_path, damage):
    path = tmp_path / "done.sqlite"
    study({"jitter.sigma": [0.0, 0.1]}).run(path, jobs=1)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(damage)
        db.commit()
    with pytest.raises(FileFormatError, match="damaged"):
        load_results(path)


def test_an_error_of_any_text_is_kept():
    assert storable("half \ud800") == "half \\ud800"
    assert len(storable("x" * 10**6)) < 5000
