"""Results of a study in one SQLite file: what is done stays done, whatever kills whom and when.

Each result is a transaction of its own, synchronised to the disk, in the rollback journal, which leaves one file behind
and works on network disks that lock. A writer claims points before it computes them, and keeps its claim by a
heartbeat; those of a dead writer are free again. Relies on SQLite. Used by `runner`; docs/reference/studies.md has the
tables.
"""

import contextlib
import errno
import json
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import FileFormatError, InputError, listed
from eventsim.files.output import check_place
from eventsim.kinds import with_tuples
from eventsim.study.evaluate import Row
from eventsim.study.owners import is_dead, new_owner
from eventsim.study.point import Point, canonical

Array = np.ndarray[Any, Any]
FORMAT = 0x65767374  # the application id of SQLite's header: "evst"
VERSION = 1
PATIENCE = 60.0  # seconds that a writer waits for another one's transaction
OPEN, CLAIMED, DONE, FAILED = "open", "claimed", "done", "failed"
POINTS = """CREATE TABLE points (
number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, settings TEXT NOT NULL, seed TEXT NOT NULL, state TEXT NOT NULL,
owner TEXT, lease REAL, deaths INTEGER NOT NULL DEFAULT 0, error TEXT, result TEXT, decisions BLOB)"""
RESULTS = """CREATE VIEW results AS SELECT number, settings, seed, state,
json_extract(result, '$.samples') AS samples, json_extract(result, '$.correct') AS correct,
json_extract(result, '$.accuracy') AS accuracy, json_extract(result, '$.agreement') AS agreement,
json_extract(result, '$.changed') AS changed, json_extract(result, '$.spikes') AS spikes, error
FROM points ORDER BY number"""
STUDY, STATES = (
    "CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE INDEX states ON points (state)",
)
SCHEMA = (STUDY, POINTS, STATES, RESULTS)
LONGEST_ERROR = 4000
# What the errors of SQLite are among those of files: cannot open, read-only, full, busy.
ERRNO = {14: errno.ENOENT, 8: errno.EROFS, 13: errno.ENOSPC, 5: errno.EBUSY}


class Claimed(NamedTuple):
    """A point that this writer is to compute: its number in the file, and how many workers died of it before."""

    number: int
    point: Point
    deaths: int


class Store:
    """The file of a study, open for one writer.

    Parameters
    ----------
    path
        Of the file; it is made where there is none.
    parts
        What makes the study this one and no other, a text by name.
    about
        What readers need beside the rows: of what JSON knows.
    resume
        Whether a file that is there is gone on with; otherwise one that has anything in it is refused.
    lease
        Seconds after which a claim is free where its writer gave no sign of life.

    Raises
    ------
    InputError
        A file that is there already, or that is of another study, of which it says what differs.
    FileFormatError
        A file that is none of a study, or damaged.
    """

    def __init__(
        self, path: str | Path, parts: Mapping[str, str], about: Mapping[str, Any], resume: bool, lease: float = 30.0
    ) -> None:
        self.path, self.lease, self.owner = check_place("study", path), lease, new_owner()
        with translated(self.path):
            self._db = _connected(self.path)
        try:
            with self._transaction():
                self._take_up(dict(parts), about, resume)
        except BaseException:
            self._db.close()
            raise

    def _take_up(self, parts: dict[str, str], about: Mapping[str, Any], resume: bool) -> None:
        if not _check_format(self._db, self.path):
            for statement in SCHEMA:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {FORMAT}")
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            rows = [("parts", canonical(parts)), ("about", canonical(about))]
            self._db.executemany("INSERT INTO study VALUES (?, ?)", rows)
            return
        if not resume:
            raise InputError(
                f"study: {self.path} holds results already; must be another file, or be gone on with. Give another "
                "name, or resume=True (--resume)."
            )
        before = json.loads(_meta(self._db, "parts"))
        differing = [name for name in {**before, **parts} if before.get(name) != parts.get(name)]
        if differing:
            raise InputError(
                f"study: {self.path} has results of another study: it differs in {listed(differing)}; must be the "
                "same to go on with. Give another file."
            )

    def close(self) -> None:
        """Give back what was claimed and not done, and close the file."""
        with contextlib.suppress(sqlite3.Error, OSError, FileFormatError), self._transaction():
            self._db.execute(
                "UPDATE points SET state = ?, owner = NULL, lease = NULL WHERE state = ? AND owner = ?",
                (OPEN, CLAIMED, self.owner),
            )
        self._db.close()

    # -- points -------------------------------------------------------------------------------------------------------

    def add(self, points: Sequence[Point]) -> None:
        """Add the points that the file does not have, behind those that it has, in their order."""
        rows = [(p.hash(), canonical(p.values), str(p.seed), OPEN) for p in points]
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO points (hash, settings, seed, state) VALUES (?, ?, ?, ?)", rows)

    def reopen_failed(self) -> None:
        """Let points that failed be computed again."""
        with self._transaction():
            self._db.execute("UPDATE points SET state = ?, error = NULL, deaths = 0 WHERE state = ?", (OPEN, FAILED))

    def claim(self, n: int) -> list[Claimed]:
        """Take up to n points that nobody works on, the first ones: from now on they are this writer's."""
        with self._transaction():
            self._free_those_of_the_dead()
            rows = self._db.execute(
                "SELECT number, settings, seed, deaths FROM points WHERE state = ? ORDER BY number LIMIT ?", (OPEN, n)
            ).fetchall()
            until = time.time() + self.lease
            self._db.executemany(
                "UPDATE points SET state = ?, owner = ?, lease = ? WHERE number = ?",
                [(CLAIMED, self.owner, until, row[0]) for row in rows],
            )
        return [Claimed(number, _point(settings, seed), deaths) for number, settings, seed, deaths in rows]

    def _free_those_of_the_dead(self) -> None:
        rows = self._db.execute("SELECT owner, max(lease) FROM points WHERE state = ? GROUP BY owner", (CLAIMED,))
        now = time.time()
        dead = [(OPEN, CLAIMED, owner) for owner, lease in rows.fetchall() if lease < now or is_dead(owner)]
        self._db.executemany(
            "UPDATE points SET state = ?, owner = NULL, lease = NULL WHERE state = ? AND owner = ?", dead
        )

    def keep(self) -> None:
        """Say that this writer lives; called from a thread of its own, by a connection of its own."""
        with contextlib.closing(_connected(self.path)) as db:
            db.execute(
                "UPDATE points SET lease = ? WHERE state = ? AND owner = ?",
                (time.time() + self.lease, CLAIMED, self.owner),
            )

    def finish(self, number: int, row: Row) -> None:
        """Keep the result of a point; where another writer has computed it meanwhile, its result stays."""
        with self._transaction():
            self._db.execute(
                "UPDATE points SET state = ?, owner = NULL, lease = NULL, error = NULL, result = ?, decisions = ? "
                "WHERE number = ? AND state != ?",
                (DONE, canonical(row.values), packed(row.decisions), number, DONE),
            )

    def fail(self, number: int, error: str) -> None:
        """Keep why a point has no result."""
        with self._transaction():
            self._db.execute(
                "UPDATE points SET state = ?, owner = NULL, lease = NULL, error = ? WHERE number = ? AND state != ?",
                (FAILED, storable(error), number, DONE),
            )

    def died(self, number: int) -> int:
        """Count that a worker died of a point; return how many did."""
        with self._transaction():
            self._db.execute("UPDATE points SET deaths = deaths + 1 WHERE number = ?", (number,))
            row = self._db.execute("SELECT deaths FROM points WHERE number = ?", (number,)).fetchone()
        return int(row[0])

    def counts(self) -> dict[str, int]:
        """How many points are open, claimed, done, failed."""
        found = dict(self._db.execute("SELECT state, count(*) FROM points GROUP BY state").fetchall())
        return {state: int(found.get(state, 0)) for state in (OPEN, CLAIMED, DONE, FAILED)}

    def rows(self) -> list[dict[str, Any]]:
        """All points with what is known of them, as `read_file` has them."""
        return _rows(self._db)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing; other writers wait."""
        with translated(self.path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:  # Ctrl-C, too, wherever it comes
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def read_file(path: str | Path) -> tuple[dict[str, str], dict[str, Any], list[dict[str, Any]]]:
    """Return the parts, the description and the rows of a file, which is not changed.

    Returns
    -------
    parts, about
        As they were given to `Store`.
    rows
        A dict each: number, settings, seed, state, error, deaths, result (None where there is none), decisions.

    Raises
    ------
    FileFormatError
        No such file, or none of a study.
    """
    place = Path(path)
    if not place.is_file():
        raise FileFormatError(f"study: {place}: there is no such file; must be one of a study. Check the path.")
    with translated(place), contextlib.closing(_connected(place)) as db:
        if not _check_format(db, place):
            raise FileFormatError(f"study: {place} is empty; must be the results of a study. Run it again.")
        try:
            return json.loads(_meta(db, "parts")), json.loads(_meta(db, "about")), _rows(db)
        except (TypeError, KeyError, IndexError, ValueError, zlib.error) as error:
            raise FileFormatError(
                f"study: {place} is damaged ({type(error).__name__}: {error}); must be as a study wrote it. Run it "
                "again."
            ) from error


def storable(text: str) -> str:
    """An error's text as a file can hold it: no half characters, and not without end."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return whole if len(whole) <= LONGEST_ERROR else f"{whole[:LONGEST_ERROR]} …"


def packed(decisions: Array | None) -> bytes | None:
    """Return decisions as little-endian int32, compressed by zlib."""
    return None if decisions is None else zlib.compress(np.ascontiguousarray(decisions, dtype="<i4").tobytes())


def unpacked(blob: bytes | None, n_samples: int) -> Array | None:
    """Return the decisions that were `packed`, (n_samples,) or (n_samples, n_out)."""
    if blob is None:
        return None
    flat = np.frombuffer(zlib.decompress(blob), dtype="<i4").astype(np.int64)
    return flat if flat.size == n_samples else flat.reshape(n_samples, -1)


def _rows(db: sqlite3.Connection) -> list[dict[str, Any]]:
    found = db.execute(
        "SELECT number, settings, seed, state, error, deaths, result, decisions FROM points ORDER BY number"
    )
    rows = []
    for number, settings, seed, state, error, deaths, result, blob in found:
        values = None if result is None else json.loads(result)
        told = {"number": number, "point": _point(settings, seed), "state": state, "error": error, "deaths": deaths}
        rows.append(told | {"result": values, "decisions": values and unpacked(blob, values["samples"])})
    return rows


def _point(settings: str, seed: str) -> Point:
    return Point(tuple((name, with_tuples(value)) for name, value in json.loads(settings)), int(seed))


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        with translated(path):  # for this reads the file
            db.execute("PRAGMA synchronous = FULL")  # which a build of SQLite may not have as its default
    except BaseException:
        db.close()
        raise
    return db


def _meta(db: sqlite3.Connection, name: str) -> str:
    return str(db.execute("SELECT value FROM study WHERE name = ?", (name,)).fetchone()[0])


def _check_format(db: sqlite3.Connection, path: Path) -> bool:
    """Whether a file has results of a study; False where it is empty."""
    kind, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if kind == FORMAT and version == VERSION:
        return True
    if kind == FORMAT:
        raise FileFormatError(
            f"study: {path} has version {version}; must be {VERSION}, which this release reads. Use the release that "
            "wrote it, or another file."
        )
    if kind == 0 and version == 0 and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return False
    raise FileFormatError(f"study: {path} is another SQLite file; must be one of a study. Give another name.")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Say errors of SQLite as those of files."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "no such" in str(error):  # table or column
            raise FileFormatError(f"study: {path} is damaged ({error}); must be as a study wrote it.") from error
        code = ERRNO.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, errno.EIO)
        raise OSError(code, f"{error}; what was committed stays", str(path)) from error
    except sqlite3.DatabaseError as error:
        raise FileFormatError(
            f"study: {path} is no SQLite file, or it is damaged ({error}); must be one of a study. Give another name."
        ) from error
