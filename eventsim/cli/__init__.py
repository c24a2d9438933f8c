"""The command line: parse, call, print. The one place that may import every room.

``eventsim COMMAND``; each command is a file of this folder. Exit codes: 0 it worked, 1 the check failed or the run
ended early, 2 wrong use or refused input, 130 interrupted. A warning on stderr leaves the exit code what it is.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from eventsim import __version__
from eventsim.cli import convert, demo, goldset, info, plot, run, verify
from eventsim.cli.command import (
    FAILED,
    INTERRUPTED,
    OK,
    REFUSED,
    Command,
    Parser,
    examples_text,
    say_error,
)
from eventsim.errors import EventsimError, SimulationError, nearest

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        demo.COMMAND,
        convert.COMMAND,
        run.COMMAND,
        verify.COMMAND,
        plot.COMMAND,
        goldset.COMMAND,
        info.COMMAND,
    )
}
EXIT_CODES = (
    "exit codes: 0 it worked (perhaps with a warning on stderr), 1 the check failed or the run ended early, "
    "2 wrong use or refused input"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _accept_any_text()
    try:
        code = _run(words)
        sys.stdout.flush()
    except EventsimError as error:
        say_error(error)
        code = FAILED if isinstance(error, SimulationError) else REFUSED
    except KeyboardInterrupt:
        print("\neventsim: interrupted", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`eventsim … | head`); what is still buffered must not raise at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    except OSError as error:
        say_error(f"{error.filename or 'system'}: {error.strerror or error}")
        code = REFUSED
    return code


def _run(words: list[str]) -> int:
    parser = build_parser()
    try:
        if not words:
            parser.print_help()
            return REFUSED
        if not words[0].startswith("-") and words[0] not in COMMANDS:
            parser.error(
                f"unknown command {words[0]!r}{nearest(words[0], COMMANDS)}; must be one of {', '.join(COMMANDS)}"
            )
        options = parser.parse_args(words)
    except SystemExit as stop:  # argparse has printed its help, the version or an error
        return stop.code if isinstance(stop.code, int) else OK
    return COMMANDS[options.command].run(options)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = Parser(
        prog="eventsim",
        description="Exact event-driven simulation of spiking networks.",
        epilog=examples_text(
            (
                ("eventsim demo", "a trained network, its spikes, a check and pictures"),
                ("eventsim COMMAND --help", "options and examples of one command"),
            )
        )
        + f"\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"eventsim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for command in COMMANDS.values():
        one = commands.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=f"{examples_text(command.examples)}\n\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(one)
    return parser


def _accept_any_text() -> None:
    """Terminals that cannot show a character get a question mark instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower() not in ("utf-8", "utf8"):
            reconfigure(errors="replace")
