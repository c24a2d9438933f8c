"""Make every picture of the docs: each script of this folder, one after the other, in one process.

Sharing the process saves the loading of compiled loops. Relies on each script doing its work when run as a program.
"""

import runpy
import time
from pathlib import Path


def main() -> None:
    """Run the scripts in the order of their names, and say how long each took."""
    for script in sorted(Path(__file__).parent.glob("*.py")):
        if script.name != Path(__file__).name:
            started = time.perf_counter()
            runpy.run_path(str(script), run_name="__main__")
            print(f"{script.name}: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
