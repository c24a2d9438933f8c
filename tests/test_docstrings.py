"""Docstrings are what numpydoc takes them for: sections in its order, names that exist, and for each a meaning.

`name : meaning` on one line would be read as a name and its type. All is read from the syntax trees, so that files
which need a heavy package are read, too.
"""

import ast
import functools
import itertools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

ROOT = Path(__file__).resolve().parents[1]
ORDER = (
    *("Parameters", "Attributes", "Methods", "Returns", "Yields", "Other Parameters", "Raises", "Warns"),
    *("See Also", "Notes", "References", "Examples"),
)
LISTS = ("Parameters", "Attributes", "Returns", "Yields", "Other Parameters", "Raises", "Warns")
LONGEST_TYPE = 40
AXIS = r"\*?\w+(?: [*/+] \w+| shape)?"
SHAPE = rf"\({AXIS},(?: {AXIS}(?:, {AXIS})*)?\)"  # (n,), (n, 2), (n, *shape)
# What stands behind ` : `, or alone in a line of Returns and Raises: a type and a shape, never a sentence.
TYPE = re.compile(
    rf"(?:(?:dict of |list of |structured )?arrays?|scalars? or arrays?)(?: {SHAPE})?(?: or {SHAPE})*"
    r"|(?:(?:dict|list|tuple|mapping) of )?\w+(?:\.\w+)*(?:, \w+(?:\.\w+)*)*"
)
ARRAYS = re.compile(r"\b(?:Array|NDArray|ArrayLike|ndarray)\b")
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Documented:
    """A module, class or function with its docstring."""

    name: str
    node: Definition
    text: str


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the folders, each once: what lies behind a link belongs to its own folder."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if path.resolve() == path]


FILES = python_files("eventsim", "models", "viz")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def documented(module: ast.Module) -> Iterator[Documented]:
    """Everything in a file that has a docstring, nested functions among it."""
    for node in ast.walk(module):
        if isinstance(node, Definition):
            text = ast.get_docstring(node)
            if text:
                yield Documented(getattr(node, "name", "module"), node, text)


@functools.cache
def classes() -> dict[str, list[ast.ClassDef]]:
    """All classes by name, for those that are bases of others."""
    found: dict[str, list[ast.ClassDef]] = {}
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def with_bases(node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    yield node
    for base in node.bases:
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        for found in classes().get(name, []):
            if found is not node:
                yield from with_bases(found)


def arguments(function: Function) -> dict[str, str]:
    """The parameters of a function as numpydoc names them, each with its annotation."""
    given = function.args
    found = {one.arg: one for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    found |= {star + one.arg: one for star, one in (("*", given.vararg), ("**", given.kwarg)) if one}
    return {
        name: ast.unparse(one.annotation) if one.annotation else ""
        for name, one in found.items()
        if name not in ("self", "cls")
    }


def parameters(node: ast.ClassDef | Function) -> dict[str, str]:
    """The parameters of a function, or those with which a class is called; fields are those of a dataclass."""
    if isinstance(node, Function):
        return arguments(node)
    found: dict[str, str] = {}
    for one in with_bases(node):
        for item in one.body:
            if isinstance(item, Function) and item.name == "__init__":
                found = arguments(item) | found
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                found.setdefault(item.target.id, ast.unparse(item.annotation))
    return found


def attributes(node: ast.ClassDef) -> dict[str, str]:
    """The fields and properties of a class, each with its annotation; a field is set in its body or on self."""
    found: dict[str, str] = {}
    for one in with_bases(node):
        for item in ast.walk(one):
            if isinstance(item, ast.AnnAssign):
                found.setdefault(ast.unparse(item.target).removeprefix("self."), ast.unparse(item.annotation))
            elif isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store):
                found.setdefault(ast.unparse(item).removeprefix("self."), "")
            elif isinstance(item, Function) and any("property" in ast.unparse(mark) for mark in item.decorator_list):
                found.setdefault(item.name, ast.unparse(item.returns) if item.returns else "")
        for item in one.body:
            if isinstance(item, ast.Assign):
                found |= {target.id: "" for target in item.targets if isinstance(target, ast.Name)}
    return found


def parsed(text: str) -> NumpyDocString:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of an unknown section, or an underline of another length
        return NumpyDocString(text)


def is_array(annotation: str) -> bool:
    return bool(ARRAYS.search(annotation)) and "Callable" not in annotation


def shape_said(lines: list[str]) -> bool:
    return bool(re.search(rf"{SHAPE}|\bshapes?\b", " ".join(lines)))


def headings(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [title for title, line in itertools.pairwise(lines) if title and re.fullmatch("-{3,}|={3,}", line)]


def form_offences(doc: NumpyDocString, text: str) -> Iterator[str]:
    """What is wrong with sections and entries, whatever they are about."""
    if doc["Signature"]:
        yield f"{text.splitlines()[0]!r} is taken for a signature"
    titles = headings(text)
    if [title for title in ORDER if title in titles] != titles:
        yield f"sections {titles} are unknown, twice, or not in numpydoc's order"
    for section in LISTS:
        if section in titles and not doc[section]:
            yield f"{section} is empty"
        for entry in doc[section]:
            where = f"{section}, {entry.name or entry.type}: "
            meaning = " ".join(entry.desc).strip()
            if not meaning:
                yield where + "no description below it"
            elif meaning[0].islower() or meaning[-1] not in ".?":
                yield where + "the description is no phrase with a capital and a full stop"
            if entry.type and not (len(entry.type) <= LONGEST_TYPE and TYPE.fullmatch(entry.type)):
                yield where + f"{entry.type!r} is no type"


def name_offences(doc: NumpyDocString, node: Definition) -> Iterator[str]:
    """Which entries are about something that does not exist, or about arrays of which nobody knows the shape."""
    known: dict[str, dict[str, str]] = {section: {} for section in ("Parameters", "Attributes")}
    if not isinstance(node, ast.Module):
        known["Parameters"] = parameters(node)
    if isinstance(node, ast.ClassDef):
        known["Attributes"] = attributes(node)
    said_for_all = shape_said(doc["Summary"] + doc["Extended Summary"])
    for section, names in known.items():
        for entry in doc[section]:
            for name in entry.name.split(", "):
                if name not in names:
                    yield f"{section}, {name}: no such name"
                elif is_array(names[name]) and not said_for_all and not shape_said([entry.type, *entry.desc]):
                    yield f"{section}, {name}: of which shape?"


def offences(module: ast.Module) -> list[str]:
    found = []
    for one in documented(module):
        try:
            doc = parsed(one.text)
        except (UserWarning, ValueError) as error:
            found.append(f"{one.name}: {error}")
            continue
        wrong = itertools.chain(form_offences(doc, one.text), name_offences(doc, one.node))
        found += [f"{one.name}: {offence}" for offence in wrong]
    return found


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_docstrings_are_what_numpydoc_takes_them_for(path: Path) -> None:
    assert not offences(tree(path))


def exported() -> Iterator[tuple[Path, ast.ClassDef | Function]]:
    """Every class and function that eventsim, eventsim.models and eventsim.viz name as theirs."""
    for folder in ("eventsim", "models", "viz"):
        for node in tree(ROOT / folder / "__init__.py").body:
            if isinstance(node, ast.ImportFrom) and node.module:
                path = (ROOT / (node.module.replace(".", "/") + ".py")).resolve()
                if path.exists():  # else it is a package, such as eventsim.faults
                    names = {alias.name for alias in node.names}
                    yield from (
                        (path, item)
                        for item in tree(path).body
                        if isinstance(item, ast.ClassDef | Function) and item.name in names
                    )


def is_overload(node: Function) -> bool:
    """Types of a function that has its docstring elsewhere."""
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)


def public_functions() -> Iterator[tuple[Path, Function]]:
    """Exported functions that have parameters, and methods of exported classes that document any."""
    for path, node in exported():
        if isinstance(node, Function) and parameters(node) and not is_overload(node):
            yield path, node
        for item in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(item, Function) and "Parameters" in headings(ast.get_docstring(item) or ""):
                yield path, item


PUBLIC = list(public_functions())


@pytest.mark.parametrize(("path", "node"), PUBLIC, ids=[node.name for _, node in PUBLIC])
def test_public_functions_document_each_parameter(path: Path, node: Function) -> None:
    doc = parsed(ast.get_docstring(node) or "")
    said = [name for entry in doc["Parameters"] for name in entry.name.split(", ")]
    assert said == list(parameters(node)), f"{shown(path)}, {node.name}"


def test_public_functions_are_found() -> None:
    assert {"simulate", "read_relu", "certify", "raster", "connect"} <= {node.name for _, node in PUBLIC}


BROKEN = {
    "x : values, coded by the source.": "'values, coded by the source.' is no type",
    "x, y : budgets.\n    Numbers.": "'budgets.' is no type",
    "x": "no description below it",
    "x\n    values (n,).": "no phrase with a capital and a full stop",
    "x\n    Values (n,)": "no phrase with a capital and a full stop",
    "x\n    Values.": "of which shape?",
    "z\n    Values.": "no such name",
    "x : array (n,)\n    Values.\n\nRaises\n------\nKeyError": "no description below it",
    "x : array (n,)\n    Values.\n\nRaise\n-----\nKeyError\n    Never.": "Unknown section",
    "x : array (n,)\n    Values.\n\nRaises\n------\nA key that is none.": "'A key that is none.' is no type",
    "x : array (n,)\n    Values.\n\nNotes\n-----\nNone.\n\nReturns\n-------\nint\n    One.": "numpydoc's order",
}


@pytest.mark.parametrize("entry", BROKEN)
def test_a_broken_entry_is_found(entry: str) -> None:
    body = f"Parameters\n----------\n{entry}\n".replace("\n", "\n    ")
    module = ast.parse(f'def function(x: Array, y: int) -> int:\n    """One.\n\n    {body}"""\n')
    assert any(BROKEN[entry] in offence for offence in offences(module))


def test_a_good_docstring_is_none_of_these() -> None:
    entry = "x : array (n, 2)\n        Values, in V.\n    y\n        A number."
    module = ast.parse(
        f'def function(x: Array, y: int) -> int:\n    """One.\n\n    Parameters\n    ----------\n    {entry}\n    """\n'
    )
    assert offences(module) == []
