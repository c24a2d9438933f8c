"""What a killed process leaves behind: temporary files and folders are named after their process, and cleared later.

A process that is ended by ``kill -9`` or loses its machine removes nothing. So that the next one can, each name holds
who made it: a digest of machine and process namespace, the process's number, and when it was started, since numbers are
used again. What is removed belongs to this user, was made on this machine, and its process is gone for certain; where
that cannot be known, it stays. Used by `output`, `recording` and whatever makes a temporary folder.
"""

import functools
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
from pathlib import Path

FOLDER = "eventsim-"  # how folders begin in the folder for temporary files
MARK = re.compile(r"(?P<machine>[0-9a-f]{8})-(?P<process>[0-9]{1,19})-(?P<started>[0-9]{1,19})-[0-9a-f]{12}")
FILES = re.compile(rf"\..*\.{MARK.pattern}\.tmp(\.\w*)?", re.DOTALL)  # beside the file whose place it was to take
FOLDERS = re.compile(FOLDER + MARK.pattern + r"\w*")
_CLEARED: set[tuple[str, int]] = set()


def mark() -> str:
    """Return a text for a name that no other has, and that says which process it is of."""
    process = os.getpid()
    return f"{_machine()}-{process}-{_started(process) or 0}-{secrets.token_hex(6)}"


def clear(folder: str | os.PathLike[str]) -> None:
    """Remove what processes that are gone have left in a folder; once a process, and nothing is ever said about it."""
    key = str(folder), os.getpid()
    if key in _CLEARED or os.name != "posix":  # elsewhere a process cannot be asked for without a signal to it
        return
    _CLEARED.add(key)
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if FILES.fullmatch(entry.name) or FOLDERS.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        _remove(Path(entry.path))


def _remove(path: Path) -> None:
    parts = MARK.search(path.name)
    try:
        about = path.lstat()
        if parts is None or about.st_uid != os.geteuid() or parts["machine"] != _machine():
            return
        if _is_gone(int(parts["process"]), int(parts["started"])):
            if stat.S_ISDIR(about.st_mode) and FOLDERS.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
            elif stat.S_ISREG(about.st_mode) and FILES.fullmatch(path.name):
                path.unlink(missing_ok=True)
    except OSError:
        return


@functools.cache
def _machine() -> str:
    """8 hex digits that are others on another machine, and in a container that numbers processes on its own."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return hashlib.sha256(f"{socket.gethostname()}\x1f{namespace}".encode()).hexdigest()[:8]


def _started(process: int) -> int | None:
    """When a process was started, in the kernel's ticks; None where there is none, or it is only waited for."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return None if after_name[0] in (b"Z", b"X") else int(after_name[19])
    except (OSError, ValueError, IndexError):
        return None


def _is_gone(process: int, started: int) -> bool:
    """Has the process of this number and start ended? False where that is not certain."""
    if started and _started(os.getpid()) is not None:  # the kernel tells
        return _started(process) != started
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
