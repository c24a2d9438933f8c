"""``eventsim study``: what a network can take, setting by setting, into a file that can be gone on with."""

import argparse
import sys
from pathlib import Path
from typing import Any

from eventsim.cli.command import FAILED, OK, REFUSED, Command, add_json, integer_from, print_json
from eventsim.errors import FileFormatError, InputError, listed, nearest
from eventsim.extras import package

EXPORTS = {".csv": "to_csv", ".parquet": "to_parquet"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``eventsim study``."""
    parser.add_argument(
        "study",
        nargs="?",
        metavar="STUDY",
        help="a TOML file, or the name of a study that comes with eventsim (--list)",
    )
    parser.add_argument("--list", action="store_true", help="list the studies that come with eventsim")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.sqlite",
        help="the file of the results (default: what the study says, or its name with .sqlite)",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on with the file of the results, if it is there")
    parser.add_argument("--retry", action="store_true", help="compute again what failed; with --resume")
    parser.add_argument(
        "--jobs", type=integer_from(1), metavar="N", help="processes that compute points (default: one for each core)"
    )
    parser.add_argument(
        "--export", type=Path, action="append", metavar="FILE", help="also write all numbers as .csv or .parquet"
    )
    add_json(parser)


def execute(options: argparse.Namespace) -> int:
    """Run what is left of a study, and print what came out."""
    from eventsim.cli.files import check_folder_of
    from eventsim.cli.results import shows_progress
    from eventsim.study.pools import cores
    from eventsim.study.study_file import read_study

    if options.list or options.study is None:
        return _list(options)
    for path in options.export or ():
        if path.suffix not in EXPORTS:
            raise InputError(f"study: --export {path}; must end in {' or '.join(EXPORTS)}. Give another name.")
        for name in ("pandas", "pyarrow") if path.suffix == ".parquet" else ("pandas",):
            package(name, "study --export")  # before hours of work
    path = _place(options.study)
    bundled = path != Path(options.study)
    if not bundled:
        sys.path.insert(0, str(path.resolve().parent))  # where the file's recipes may stand beside it
    one = read_study(path)
    out = options.out or (Path(f"{options.study}.sqlite") if bundled else one.out)
    for file in (out, *(options.export or ())):
        check_folder_of(file, path)
    if not options.json:
        jobs = options.jobs or cores()
        print(f"{options.study}: {one.title}" if one.title else options.study)
        print(f"{one.study!r}; {'this process' if jobs == 1 else f'{jobs} processes'}\n")
    try:
        results = one.study.run(
            out, resume=options.resume, jobs=options.jobs, retry_failed=options.retry,
            progress=shows_progress(options.json),
        )  # fmt: skip
    except KeyboardInterrupt as error:
        for note in getattr(error, "__notes__", ()):
            print(note.replace("resume=True", "--resume"), file=sys.stderr)
        raise
    for file in options.export or ():
        getattr(results, EXPORTS[file.suffix])(file)
    _report(results, out, options)
    return FAILED if _failures(results) else OK


def _place(given: str) -> Path:
    """The TOML file that is meant: a path, or the name of a study that comes with eventsim."""
    from eventsim.models import studies

    if Path(given).is_file() or given.endswith(".toml"):
        return Path(given)
    known = studies.names()
    if given in known:
        return studies.path(given)
    raise FileFormatError(
        f"study: {given!r}{nearest(given, known)}: there is no such file, and no such study comes with eventsim; must "
        f"be a TOML file, or one of {listed(known)}. Check the path."
    )


def _list(options: argparse.Namespace) -> int:
    from eventsim.cli.layout import pairs
    from eventsim.models import studies

    rows: list[tuple[str, object]] = [(name, studies.title(name)) for name in studies.names()]
    if options.json:
        print_json({"studies": dict(rows)})
    else:
        print(pairs(rows))
    return OK if options.list else REFUSED


def _failures(results: Any) -> list[Any]:
    """Points without a result; of a search, for which "it does not fit" is an answer, those with another error."""
    if results.about["design"]["design"] != "bisection":
        return list(results.failures)
    from eventsim.study.bisection import is_refusal

    return [entry for entry in results.failures if not is_refusal(entry.error)]


def _report(results: Any, out: Path, options: argparse.Namespace) -> None:
    if options.json:
        rows = [
            {"point": entry.number, "settings": entry.point.settings, "seed": entry.point.seed, "state": entry.state}
            | {"error": entry.error, "result": entry.result}
            for entry in results.entries
        ]
        content: dict[str, Any] = {"complete": results.complete, "knobs": results.knobs, "points": rows}
        if results.about["design"]["design"] == "bisection":
            border = results.border
            content["border"] = {"holds": border.holds, "fails": border.fails, "monotone": border.monotone}
            content["border"]["refused"] = dict(border.refused)
        print_json(content | {"saved": out, "exported": options.export or []})
        return
    of = next((name for name in ("accuracy", "agreement", "spikes") if _is_known(results, name)), None)
    if results.about["design"]["design"] == "bisection":
        print(results.border.table())
    elif of is not None:
        print(results.summary(of))
    else:
        print(results.table())
    print(f"\n{results.tally}\nsaved to {out}")


def _is_known(results: Any, name: str) -> bool:
    return any((entry.result or {}).get(name) is not None for entry in results.entries)


COMMAND = Command(
    "study",
    "simulate a network under many settings, and see what it takes",
    (
        ("eventsim study my.toml", "all settings, on all cores, into my.sqlite"),
        ("eventsim study my.toml --resume", "go on with what was killed or stopped"),
        (
            "eventsim study my.toml --jobs 4 --out noise.sqlite --export noise.csv",
            "four processes; all numbers as text",
        ),
        ("eventsim study --list", "the studies that come with eventsim"),
        ("eventsim study digits-jitter --json", "one of them, for a program"),
    ),
    add_arguments,
    execute,
)
