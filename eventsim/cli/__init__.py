"""The command line: parse, call, print. The one place that may import every room.

``eventsim COMMAND``; each command is a file of this folder. Exit codes: 0 it worked, 1 the check failed or the run
ended early, 2 wrong use or refused input, 128 and the number of a signal that ended it (130 Ctrl-C, 143 SIGTERM).
A warning on stderr leaves the exit code what it is.
With ``--json`` the output is one JSON object in any case, with the entry ``error`` where the command did not work.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from eventsim import __version__
from eventsim.cli import convert, demo, goldset, hardware, info, plot, run, study, train, verify
from eventsim.cli.command import (
    FAILED,
    INTERRUPTED,
    OK,
    REFUSED,
    SIGNALLED,
    Command,
    Parser,
    WrongUse,
    examples_text,
    one_line,
    print_json,
    say_error,
)
from eventsim.engines.interruption import asked, orderly
from eventsim.errors import EventsimError, SimulationError, TrainingError, nearest

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        demo.COMMAND,
        convert.COMMAND,
        run.COMMAND,
        verify.COMMAND,
        study.COMMAND,
        hardware.COMMAND,
        train.COMMAND,
        plot.COMMAND,
        goldset.COMMAND,
        info.COMMAND,
    )
}
EXIT_CODES = (
    "exit codes: 0 it worked (perhaps with a warning on stderr), 1 the check failed or the run ended early,\n"
    "2 wrong use or refused input, 130 interrupted by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP (`eventsim run` keeps\n"
    "what was done)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    _accept_any_text()
    with orderly():
        return _guarded(words)


def _guarded(words: list[str]) -> int:
    """Run one command line; whatever stops it is one line on stderr, and an exit code."""
    message: object = None
    try:
        code = _run(words)
        sys.stdout.flush()
    except EventsimError as error:
        message, code = error, FAILED if isinstance(error, SimulationError | TrainingError) else REFUSED
        if (number := asked()) is not None:
            code = SIGNALLED + number
    except KeyboardInterrupt as error:
        print("\neventsim: interrupted", file=sys.stderr)
        _say_in_json(words, "interrupted")
        code = SIGNALLED + getattr(error, "number", INTERRUPTED - SIGNALLED)
    except BrokenPipeError:
        _drop_output()  # the reader of our output has gone (`eventsim … | head`)
        code = FAILED
    except OSError as error:
        if error.filename is None:  # files are always named
            _drop_output()
        message, code = f"{error.filename or 'standard output'}: {error.strerror or error}", REFUSED
    except MemoryError as error:
        details = f" ({error})" if str(error) else ""
        message, code = f"there is not enough memory{details}; give fewer samples, or a smaller network", REFUSED
    if message is not None:
        say_error(message)
        _say_in_json(words, message)
    return code


def _say_in_json(words: Sequence[str], message: object) -> None:
    """With ``--json``, a program finds an object in the output, also where the command was refused."""
    if "--json" in words:
        with contextlib.suppress(OSError):
            print_json({"error": one_line(message)})
            sys.stdout.flush()


def _drop_output() -> None:
    """What is still buffered for a standard output that takes nothing must not raise at exit."""
    with contextlib.suppress(OSError):  # a stream without a number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
        if isinstance(stop, WrongUse):
            _say_in_json(words, stop.message)
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


def _open_streams() -> None:
    """Open standard streams that were closed: files that are opened later would get their numbers, and their text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - open as long as the process


def _accept_any_text() -> None:
    """Terminals that cannot show a character get a question mark instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower() not in ("utf-8", "utf8"):
            reconfigure(errors="replace")
