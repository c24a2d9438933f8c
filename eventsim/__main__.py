"""``python -m eventsim``: the command line, where the ``eventsim`` command is not on the path."""

from eventsim.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
