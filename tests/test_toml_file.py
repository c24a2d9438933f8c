"""Lines of keys in TOML files, against the shortest beginning of a file that has the key; and files that are none."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsim.errors import FileFormatError
from eventsim.files.toml_file import MOST_BYTES, places, read_toml

ROOT = Path(__file__).parents[1]
EVERY_FORM = """# a comment = 1
name = "a"  # another [one]
"quoted.key".b = 1

[sources]
x = 'y # no comment'
[time.barrier]
1 = "0.6 us"
a.b.c = 3
inline = {d = 1, e = [
 2, # ]
 3]}
text = \"\"\"
[x]
z = 1
\"\"\"
after = 2026-01-01
[ spaced . "out" ]
k = [
  "]",
  '''}''',
  [1,
   2],
]
last = true
[[points]]
q = 1
[[points]]
q = 2
r = {s = {t = 1}}
"""
FILES = {
    "every form": EVERY_FORM,
    "windows": EVERY_FORM.replace("\n", "\r\n"),
    "no end of line": EVERY_FORM.rstrip(),
    **{path.name: path.read_text(encoding="utf-8") for path in (ROOT / "eventsim" / "hardware").rglob("*.toml")},
    **{path.name: path.read_text(encoding="utf-8") for path in (ROOT / "models" / "studies").glob("*.toml")},
    "pyproject.toml": (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
}


def keys_of(content: Any, within: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in content.items() if isinstance(content, dict) else ():
        yield (*within, key)
        yield from keys_of(value, (*within, key))
    for value in content if isinstance(content, list) else ():
        yield from keys_of(value, within)


def lines_of_beginnings(text: str) -> dict[tuple[str, ...], int]:
    """For each key the line behind the last beginning of the file that is TOML and lacks it."""
    lines = text.replace("\r\n", "\n").split("\n")
    found: dict[tuple[str, ...], int] = {}
    before = 0
    for n in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("\n".join(lines[:n]))
        except tomllib.TOMLDecodeError:
            continue
        for path in keys_of(content):
            found.setdefault(path, before + 1)
        before = n
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_key_stands_where_the_shortest_beginning_that_has_it_ends(name: str) -> None:
    found = places(FILES[name])
    assert found == lines_of_beginnings(FILES[name])
    assert set(keys_of(tomllib.loads(FILES[name]))) == set(found)


def test_what_is_not_in_a_file_is_where_its_table_is(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(EVERY_FORM, encoding="utf-8")
    file = read_toml(path, "a test")
    assert file.content == tomllib.loads(EVERY_FORM)
    asked = (("time", "barrier", "2"), ("time", "barrier", "1"), ("none",), ())
    assert [file.line(*keys) for keys in asked] == [7, 8, 1, 1]
    assert file.line("points", 0, "q") == EVERY_FORM.splitlines().index("[[points]]") + 1  # a number is no key


REFUSED = {
    "a = \n": "a.toml, line 1: this is no TOML",
    "a = 1\nb = 2\na = 3": "a.toml, line 3: this is no TOML",
    'a = 1\nb = """\n\n': "a.toml, line 2: this is no TOML",
    "a = 1\nb = [1,\n2": "a.toml, line 2: this is no TOML",
    "a = " + "[" * 5000: "a.toml: this is no TOML (tables or lists within too many others)",
    "a" + ".a" * 5000 + " = 1": "a.toml: this is no TOML (tables or lists within too many others)",
    "a = " + "[" * 60 + "]" * 60: "a.toml: this is no TOML (tables or lists within too many others)",
    "a = " + "1" * 5000: "a.toml: this is no TOML (Exceeds the limit",
    "\ufeffa = 1": "this is no TOML",
    "a = 1\x00": "this is no TOML",
    "# " + "x" * MOST_BYTES: "larger than 1 MiB",
}


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_no_toml_is_refused_with_its_line(number: int, tmp_path: Path) -> None:
    text, message = list(REFUSED.items())[number]
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError) as error:
        read_toml(tmp_path / "a.toml", "a test")
    assert message in str(error.value)
    assert "must be a TOML file of a test" in str(error.value)


def test_files_that_are_not_there_or_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"none\.toml: there is no such file; must be a TOML file of a test"):
        read_toml(tmp_path / "none.toml", "a test")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_toml(tmp_path, "a test")
    (tmp_path / "a.toml").write_bytes(b"a = 1\n\nb = '\xff'")
    with pytest.raises(FileFormatError, match="line 3: this is no TOML"):
        read_toml(tmp_path / "a.toml", "a test")


def test_a_statement_without_an_end_in_sight_is_given_up() -> None:
    text = "a = 1\nb = [\n" + "[1],\n" * 3000 + "]\nc = 2\n"
    assert places(text) == {("a",): 1}  # and what follows is in line 1, where the file is
