"""Read damaged copies of a network's file, one after another: ``python fuzzed_reader.py FILE N SEED [SECONDS]``.

Each copy has bytes flipped, cut out, doubled, exchanged for others or for large numbers. It must be read, or refused by
an error of eventsim; anything else ends the program. Memory and time are limited by whoever starts it.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from eventsim.errors import EventsimError
from eventsim.models import read_relu

# Sizes, offsets and numbers of elements that lie, as varints and as plain integers.
LIES = (b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x08", b"\x00", b"\xff" * 8, b"\x7f" + b"\xff" * 3)
MOST_BYTES = 3 << 30
MOST_SECONDS = 10.0  # that one copy may take, unless SECONDS are given
N_COPIES = int(os.environ.get("FUZZED_COPIES", "500"))  # of each file, in tests
FEW_COPIES = int(os.environ.get("FUZZED_COPIES", "125"))  # of a file each copy of which starts a process


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """A copy of a file with one to four damages."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(max(len(data), 1))
        how = rng.randrange(6)
        if how == 0 and data:
            data[place] ^= 1 << rng.randrange(8)
        elif how == 1 and data:
            data[place] = rng.randrange(256)
        elif how == 2:
            del data[place:]
        elif how == 3:
            del data[place : place + rng.randint(1, 16)]
        elif how == 4:
            data[place:place] = data[rng.randrange(max(len(data), 1)) :][: rng.randint(1, 64)]
        else:
            lie = rng.choice(LIES)
            data[place : place + rng.choice((1, len(lie)))] = lie
    return bytes(data)


def read_copies(path: Path, most_seconds: float = MOST_SECONDS, n_copies: int = N_COPIES) -> tuple[int, int]:
    """How many damaged copies of a file are read and refused, in a process of its own; fail where one is neither."""
    command = [sys.executable, __file__, str(path), str(n_copies), "0", str(most_seconds)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=900 + n_copies, env=environment
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    n_read, n_refused = (int(words.split()[0]) for words in ended.stdout.split(",")[:2])
    assert n_read + n_refused == n_copies
    return n_read, n_refused


def main(path: Path, n: int, seed: int, most_seconds: float = MOST_SECONDS) -> None:
    """Read n copies, and print how many were read all the same and how many were refused."""
    whole, rng = path.read_bytes(), random.Random(seed)
    n_read = n_refused = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        read_relu(path)  # what is imported on the way does not count
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        for number in range(n):
            copy.write_bytes(damaged(whole, rng))
            start = time.perf_counter()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    read_relu(copy)
                n_read += 1
            except EventsimError:
                n_refused += 1
            except BaseException:
                sys.stderr.write(f"copy {number} of seed {seed}\n")
                raise
            slowest = max(slowest, time.perf_counter() - start)
            assert slowest < most_seconds, f"copy {number} of seed {seed} took {slowest:.1f} s"
    sys.stdout.write(f"{n_read} read, {n_refused} refused, {slowest:.2f} s at most\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *map(float, sys.argv[4:]))
