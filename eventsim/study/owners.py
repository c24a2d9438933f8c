"""Who works on a point: a name for this writer, and whether another one still lives.

A writer that is killed on this machine is known to be dead at once, by its process; one of another machine when its
lease has run out. Relies on the operating system. Used by `store`.
"""

import os
import socket
import uuid
from pathlib import Path


def new_owner() -> str:
    """Return a name that no other writer has: machine, process, when that began, and a random part."""
    return "|".join([_machine(), str(os.getpid()), _began(os.getpid()), uuid.uuid4().hex])


def is_dead(owner: str) -> bool:
    """Is the process of a writer known to be gone? False where nobody can say."""
    machine, number, began, _ = owner.split("|")
    if machine != _machine() or os.name == "nt":  # where signal 0 is Ctrl-C, and no question
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it belongs to somebody else
        return False
    return _began(int(number)) != began  # another process has got its number


def _machine() -> str:
    """The host, and where Linux says so, the namespace in which process numbers count: that of a container."""
    try:
        space = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}".replace("|", "/")


def _began(number: int) -> str:
    """When a process began, in ticks of the machine; "" where the system does not say."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]  # its name, in brackets, may have spaces
