"""What a simulator makes of the gold set: files of results, read strictly and written.

Relies on the cases. Used by ``eventsim goldset check`` and ``run``. A file comes from elsewhere: every value is checked
before it is used, and a message says which one is wrong.
"""

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeGuard

from eventsim.errors import FileFormatError, nearest
from eventsim.files.output import replacing
from eventsim.models.goldset.case_file import Case, case, cases, gold_file

FORMAT, VERSION = "eventsim-goldset-results", 1
KEYS = ("format", "version", "edition", "simulator", "cases", "skipped")
CASE_KEYS = ("spikes", "readouts")
MAX_BYTES = 50_000_000
MAX_SPIKES = 100_000  # of a case; the longest has a hundred
LARGEST = 2.0**53
# Few enough digits that no number is a burden, and more than any exact answer has.
DECIMAL = re.compile(r"[+-]?(\d{1,50}(\.\d{0,200})?|\.\d{1,200})([eE][+-]?\d{1,3})?")
HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,20}(\.[0-9a-fA-F]{0,40})?([pP][+-]?\d{1,4})?")
RATIONAL = re.compile(r"[+-]?\d{1,200}/\d{1,200}")
HOW_TIMES_ARE_WRITTEN = 'a number, or as text a decimal ("1.25"), a hex float ("0x1.4p+0") or a fraction ("5/4")'

Entry = tuple[str, int, Any]  # population, neuron, time or potential


@dataclass(frozen=True)
class Results:
    """What a simulator made of some cases.

    Attributes
    ----------
    spikes, readouts
        Tuples (population, neuron, time or potential) by case; numbers are floats or Fractions.
    skipped
        Why a case was not simulated, by case.
    """

    simulator: str
    spikes: dict[str, list[Entry]]
    readouts: dict[str, list[Entry]]
    skipped: dict[str, str]


def save_results(results: Results, path: str | Path) -> None:
    """Write a file of results, completely or not at all; floats as hex, so that they read back as they were."""
    lines = []
    for name, spikes in results.spikes.items():
        content = {"spikes": _written(spikes)}
        if name in results.readouts:
            content["readouts"] = _written(results.readouts[name])
        lines.append(f"  {json.dumps(name)}: {json.dumps(content)}")
    head = {"format": FORMAT, "version": VERSION, "edition": gold_file()["edition"], "simulator": results.simulator}
    keys = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    keys += [' "cases": {\n' + ",\n".join(lines) + "\n }", f' "skipped": {json.dumps(results.skipped)}']
    with replacing("save_results", path) as temporary:
        temporary.write_text("{\n" + ",\n".join(keys) + "\n}\n", encoding="utf-8")


def read_results(path: str | Path) -> Results:
    """Read a file of results.

    Raises
    ------
    FileFormatError
        A file that is missing, too large, no JSON of this format and version, or made for another edition of the gold
        set; an unknown key, case, population or neuron; a time that is none.
    """
    content = _content(Path(path))
    where = str(path)
    _only(where, content, KEYS)
    version, edition = content.get("version"), content.get("edition")
    if content.get("format") != FORMAT or version != VERSION or isinstance(version, bool):
        raise FileFormatError(
            f"{where}: format {_short(content.get('format'))}, version {_short(version)}; must be {FORMAT!r}, "
            f"{VERSION}. docs/reference/goldset.md says what a file of results holds."
        )
    if edition != gold_file()["edition"] or isinstance(edition, bool):
        raise FileFormatError(
            f"{where}: edition {_short(edition)}; this eventsim has edition {gold_file()['edition']} of the gold set, "
            "with other cases. Simulate these, or use the eventsim that has those."
        )
    simulator = content.get("simulator")
    if not _is_line(simulator, 200):
        raise FileFormatError(
            f"{where}: simulator {_short(simulator)}; must be its name and version, one line of 1 to 200 characters."
        )
    spikes: dict[str, list[Entry]] = {}
    readouts: dict[str, list[Entry]] = {}
    for name, given in _object(f"{where}: cases", content.get("cases")).items():
        one, inside = _known_case(where, name), f"{where}: case {name!r}"
        _only(inside, _object(inside, given), CASE_KEYS)
        spikes[name] = _entries(f"{inside}: spikes", one, given.get("spikes"))
        if "readouts" in given:
            readouts[name] = _entries(f"{inside}: readouts", one, given["readouts"])
    skipped = _object(f"{where}: skipped", content.get("skipped", {}))
    for name, reason in skipped.items():
        _known_case(where, name)
        if not _is_line(reason, 1_000) or name in spikes:
            raise FileFormatError(
                f"{where}: skipped: {name!r} = {_short(reason)}; must be a line of 1 to 1,000 characters that says "
                "why, of a case that is not among `cases`."
            )
    return Results(simulator, spikes, readouts, skipped)


def _content(path: Path) -> dict[str, Any]:
    """The JSON object of a file."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise FileFormatError(f"{path}: this is no file of results but a folder or a device; check the path")
        if size > MAX_BYTES:
            raise FileFormatError(f"{path}: {size:,} bytes; allowed: {MAX_BYTES:,}. Is this a file of results?")
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=lambda pairs: _unique(path, pairs), parse_constant=_no_constant)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file; check the path") from error
    except PermissionError as error:
        raise FileFormatError(f"{path}: this file may not be read; change its permissions") from error
    except (UnicodeDecodeError, RecursionError, json.JSONDecodeError) as error:
        raise FileFormatError(f"{path}: this is no JSON ({error}); docs/reference/goldset.md has an example") from error
    except ValueError as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: {error}; write numbers as {HOW_TIMES_ARE_WRITTEN}") from error
    return _object(str(path), content)


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys occur once: JSON would keep the last of them without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise FileFormatError(f"{path}: the key {_short(twice)} occurs twice in one object; remove one of them")
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number; leave silent neurons out")


def _is_line(value: Any, longest: int) -> TypeGuard[str]:
    """Text that can be printed: no control characters, and nothing that no encoding knows."""
    return isinstance(value, str) and value.isprintable() and value.strip() != "" and len(value) <= longest


def _object(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FileFormatError(
            f"{where}: {_short(value)}; must be a JSON object. docs/reference/goldset.md has an example."
        )
    return value


def _only(where: str, content: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for key in content:
        if key not in allowed:
            raise FileFormatError(
                f"{where}: unknown key {_short(key)}{nearest(key[:100], allowed)}; allowed: {', '.join(allowed)}. "
                "Remove it."
            )


def _known_case(where: str, name: str) -> Case:
    names = [one.name for one in cases()]
    if name not in names:
        raise FileFormatError(
            f"{where}: there is no case {_short(name)}{nearest(name[:100], names)}; `eventsim goldset list` prints the "
            f"{len(names)} names."
        )
    return case(name)


def _entries(where: str, one: Case, given: Any) -> list[Entry]:
    """A list of [population, neuron, number]."""
    if not isinstance(given, list) or len(given) > MAX_SPIKES:
        many = f"{len(given):,} entries" if isinstance(given, list) else _short(given)
        raise FileFormatError(
            f"{where}: {many}; must be a list of at most {MAX_SPIKES:,} entries [population, neuron, time]. An empty "
            "list is silence."
        )
    entries = []
    for k, entry in enumerate(given):
        if not isinstance(entry, list) or len(entry) != 3:
            raise FileFormatError(f"{where}[{k}]: {_short(entry)}; must be [population, neuron, time].")
        population, neuron, time = entry
        if not isinstance(population, str) or population not in one.sizes:
            raise FileFormatError(
                f"{where}[{k}]: population {_short(population)}{nearest(str(population)[:100], one.sizes)}; must be "
                f"one of {', '.join(one.sizes)}. Spikes of sources are not listed."
            )
        if not isinstance(neuron, int) or isinstance(neuron, bool) or not 0 <= neuron < one.sizes[population]:
            raise FileFormatError(
                f"{where}[{k}]: neuron {_short(neuron)} of {population!r}; must be a whole number from 0 to "
                f"{one.sizes[population] - 1}."
            )
        entries.append((population, neuron, _number(f"{where}[{k}]", time)))
    return entries


def _number(where: str, value: Any) -> float | Fraction:
    """A finite number below `LARGEST`; text is taken exactly."""
    found: float | Fraction | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value) if abs(value) < LARGEST else None
    elif isinstance(value, str):
        if DECIMAL.fullmatch(value) or (RATIONAL.fullmatch(value) and int(value.partition("/")[2]) != 0):
            found = Fraction(value)
        elif HEXADECIMAL.fullmatch(value):
            with contextlib.suppress(OverflowError):
                found = float.fromhex(value)
    if found is None or not -LARGEST < found < LARGEST:
        raise FileFormatError(
            f"{where}: time {_short(value)}; must be finite, below 2^53, and written as {HOW_TIMES_ARE_WRITTEN}. Leave "
            "silent neurons out."
        )
    return found


def _written(entries: list[Entry]) -> list[list[Any]]:
    return [[name, i, str(v) if isinstance(v, Fraction) else float(v).hex()] for name, i, v in entries]


def _short(value: Any) -> str:
    """A value for a message, whatever its length."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return "a number of many digits"
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value):,}"
    text = json.dumps(value) if isinstance(value, str | bool | None) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
