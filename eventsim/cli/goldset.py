"""``eventsim goldset``: small networks with exact answers, and any simulator's results held against them."""

import argparse
import json
from pathlib import Path
from typing import Any

from eventsim.cli.command import FAILED, OK, Command, add_json, number, print_json
from eventsim.cli.layout import pairs, plural
from eventsim.table import Column, Table

ENGINES = ("compiled", "reference")
ONLY_HELP = "only the case of this name, or all cases with this neuron model; may be repeated"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the parts of ``eventsim goldset``."""
    parts = parser.add_subparsers(dest="part", metavar="PART", title="parts", required=True)

    def part(name: str, summary: str) -> argparse.ArgumentParser:
        return parts.add_parser(name, help=summary, description=f"{summary}.", allow_abbrev=False)

    listing = part("list", "print the names of the cases")
    listing.add_argument("--only", action="append", metavar="NAME", help=ONLY_HELP)
    add_json(listing)
    show = part("show", "print one case: its network, its input, its exact spike times")
    show.add_argument("case", metavar="CASE", help="its name, e.g. lif_exp/tangent-above")
    add_json(show)
    run = part("run", "simulate the cases with eventsim and write its results")
    run.add_argument("--out", type=Path, required=True, metavar="RESULTS.json", help="where to write the results")
    run.add_argument("--only", action="append", metavar="NAME", help=ONLY_HELP)
    run.add_argument(
        "--engine", choices=ENGINES, default="compiled",
        help="the compiled engine makes one loop for each set of models: minutes the first time on a machine, seconds "
        "later; reference needs no compiler. Both give the same bits",
    )  # fmt: skip
    check = part("check", "hold the results of any simulator against the exact answers")
    check.add_argument("file", type=Path, metavar="RESULTS.json", help="results, as docs/reference/goldset.md says")
    check.add_argument(
        "--tolerance", type=not_negative, default=0.0, metavar="T",
        help="how far a spike may be off, in units of time, where that is more than the roundings of its case; "
        "for simulators with time steps (default: 0)",
    )  # fmt: skip
    check.add_argument("--all", action="store_true", help="cases that the file has no results of fail, too")
    add_json(check)


def not_negative(text: str) -> float:
    """Argparse type: a finite number >= 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not >= 0")
    return value


def execute(options: argparse.Namespace) -> int:
    """Do one of the parts."""
    return {"list": list_cases, "show": show_case, "run": run_cases, "check": check_file}[options.part](options)


def list_cases(options: argparse.Namespace) -> int:
    """Print names, models and what each case is about."""
    from eventsim.models import goldset
    from eventsim.models.goldset.case_file import chosen

    found = chosen(options.only)
    if options.json:
        rows = [{"name": one.name, "models": one.models, "rules": one.rules, "about": one.about} for one in found]
        print_json({"file": goldset.PATH, "cases": rows})
    else:
        columns = (Column("case", text=True), Column("spikes"), Column("about", text=True))
        print(Table(columns, tuple((case.name, len(case.spikes), case.about) for case in found), indent=2))
        print(f"\n{plural(len(found), 'case')} of {goldset.PATH}")
    return OK


def show_case(options: argparse.Namespace) -> int:
    """Print a case; with --json the object of the file."""
    from eventsim.models import goldset
    from eventsim.models.goldset.case_file import gold_file

    case = goldset.case(options.case)
    if options.json:
        print_json(case.content)
        return OK
    texts, content = gold_file(), case.content
    print(f"{case.name}: {case.about}\n")
    rows: list[tuple[str, object]] = [(name, texts["models"][name]["equation"]) for name in case.models]
    rows += [(f"rule {name}", texts["rules"][name]) for name in case.rules]
    rows += [(f"source {one['name']}", json.dumps(one["spikes"])) for one in content["sources"]]
    for one in content["populations"]:
        given = ", ".join(f"{name} = {value}" for name, value in one["parameters"].items())
        window = f", window {one['window']}" if "window" in one else ""
        rows.append((f"population {one['name']}", f"{one['size']} × {one['model']}: {given}{window}"))
    for one in content["projections"]:
        way = f"{one['pre']} -> {one['post']}" + (f" [{one['receptor']}]" if "receptor" in one else "")
        rows.append((way, f"delay {one['delay']}, [source, target, weight] {json.dumps(one['synapses'])}"))
    rows.append(("until", case.until))
    print(pairs(rows))
    for what in ("spikes", "readouts"):
        answers = [
            (f"{e['population']}[{e['neuron']}]", e.get("exact", ""), e["decimal"]) for e in content.get(what, [])
        ]
        print(f"\n{what}, off by at most {plural(case.roundings, 'rounding')}" if answers else f"\nno {what}")
        if answers:
            columns = tuple(Column(name, text=True) for name in ("neuron", "exactly", "50 digits"))
            print(Table(columns, tuple(answers), indent=2))
    return OK


def run_cases(options: argparse.Namespace) -> int:
    """Simulate, and write a file of results."""
    from eventsim.cli.files import check_folder_of
    from eventsim.models import goldset
    from eventsim.models.goldset.case_file import chosen

    check_folder_of(options.out)
    found = chosen(options.only)
    results = goldset.simulate(found, options.engine)
    goldset.save_results(results, options.out)
    print(f"{plural(len(found), 'case')}, {options.engine} engine, written to {options.out}")
    return OK


def check_file(options: argparse.Namespace) -> int:
    """Print a verdict for each case; the exit code is that of all."""
    from eventsim.models import goldset

    report = goldset.check(goldset.read_results(options.file), options.tolerance)
    complete = not options.all or not (report.skipped or report.not_given)
    if options.json:
        print_json(report.to_json() | {"complete": not (report.skipped or report.not_given)})
    else:
        print(report_text(report))
    return OK if report.ok and complete else FAILED


def report_text(report: Any) -> str:
    """A table of all cases that were simulated, and the sum."""
    rows = tuple(
        (one.case, "ok" if one.ok else "FAILED", one.expected, one.largest, one.roundings) for one in report.verdicts
    )
    lines = [report.simulator]
    if rows:
        columns = [Column("case", text=True), Column("verdict", text=True), Column("spikes")]
        columns += [Column("largest difference", ".2g"), Column("in roundings", ".2g")]
        lines.append(str(Table(tuple(columns), rows, indent=2)))
    wrong = [(one.case, one.text()) for one in report.verdicts if not one.ok]
    lines += [pairs(wrong)] if wrong else []
    lines += [
        f"  {name:<{max(map(len, report.skipped))}}  skipped: {reason}" for name, reason in report.skipped.items()
    ]
    if report.not_given:
        lines.append(f"no results of {plural(len(report.not_given), 'case')}: {', '.join(report.not_given)}")
    verdict = "OK" if report.ok else "FAILED"
    lines.append(f"{verdict}: {report.passed} of {plural(len(report.verdicts), 'case')} as the equations have it")
    return "\n".join(lines)


COMMAND = Command(
    "goldset",
    "small networks with exact answers, for any simulator",
    (
        ("eventsim goldset list", "the names of the cases, and what each of them is about"),
        ("eventsim goldset show lif_exp/tangent-above", "one case with its exact spike times"),
        ("eventsim goldset run --out results.json --engine reference", "eventsim's own results, in the format of all"),
        ("eventsim goldset check results.json", "hold results against the exact answers; exit code 1 if any is wrong"),
        ("eventsim goldset check results.json --tolerance 0.1", "of a simulator with steps of 0.1"),
    ),
    add_arguments,
    execute,
)
