"""House rules that a reader can rely on without looking, read from the syntax trees.

Rooms import in one direction, eventsim <- models <- viz <- eventsim.cli; kernels hold to what gives the same bits
compiled and interpreted; files and functions stay short.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eventsim import _jit
from eventsim._jit.sources import engine_sources
from eventsim.engines import tables

ROOT = Path(__file__).resolve().parents[1]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# The rooms between which imports go one way, in eventsim/ and in models/: each knows those to its left only.
ENGINE = ("files", "_jit", "connectivity", "network", "fabric", "faults", "engines", "run", "inspection")
MODELS = ("relu", "readers", "checking", "mapping")
# Modules of eventsim/ that stand in no room: the ground that all rooms stand on, and what uses them all.
GROUND = ("errors", "settings", "checks", "randomness", "progress", "extras", "table", "wording", "rounding", "kinds")
ABOVE = ("__init__", "__main__", "simulate", "warm_up")
# What may not be imported from where: a room knows those to its left only.
FORBIDDEN_IMPORTS = {
    "engine": ("eventsim.models", "eventsim.viz", "eventsim.cli", "matplotlib"),
    "models": ("eventsim.viz", "eventsim.cli", "matplotlib"),
    "viz": ("eventsim.cli",),
    "cli": (),
}
FORBIDDEN_IMPORTS["study"] = FORBIDDEN_IMPORTS["engine"]
FORBIDDEN_IMPORTS["hardware"] = (*FORBIDDEN_IMPORTS["engine"], "eventsim.study")
FORBIDDEN_IMPORTS |= {
    one: (
        *FORBIDDEN_IMPORTS["engine"],
        "eventsim.simulate",
        "eventsim.study",
        "eventsim.hardware",
        *(f"eventsim.{later}" for later in ENGINE[k + 1 :]),
    )
    for k, one in enumerate(ENGINE)
}
FORBIDDEN_IMPORTS |= {
    one: (*FORBIDDEN_IMPORTS["models"], *(f"eventsim.models.{later}" for later in (*MODELS[k + 1 :], "nir")))
    for k, one in enumerate(MODELS)
}
# What `import eventsim` offers, and imports when it is first used (tests/test_names.py).
IMPORTED_WHEN_USED = {"eventsim.models", "eventsim.viz"}
# Names that say nothing about the one subject of a room or file.
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|misc|common|core|managers?)(_|$)")
# numpy's transcendental functions differ from `math` in the last bit; its reductions sum in another order than a loop.
NOT_THE_SAME_BITS = {
    *("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "sqrt", "cbrt", "hypot"),
    *("power", "float_power", "pow", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("sum", "prod", "dot", "matmul", "inner", "vdot", "mean", "cumsum", "einsum", "convolve"),
}

# Functions that import what their first argument names.
BY_NAME = ("import_module", "__import__", "importorskip")
# Which mark a test file needs for what it imports.
HEAVY = (
    dict.fromkeys(("torch", "onnx", "onnxruntime", "keras", "pandas", "pyarrow", "neo", "nir", "faery"), "references")
    | dict.fromkeys(("dask", "distributed"), "references")
    | {
        "nest": "peers",
        "neuron": "peers",
        "arbor": "peers",
        "sanafe": "peers",
    }
    | {"aihwkit": "devices"}
    | dict.fromkeys(("exact_snn", "exact_event_adjoint", "jax", "jaxsnn", "eventax"), "trainers")
    | dict.fromkeys(("snntorch", "norse", "spikingjelly", "sinabs", "rockpool"), "exporters")
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the folders, each once: what lies behind a link belongs to its own folder."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if path.resolve() == path]


PACKAGE = python_files("eventsim", "models", "viz")
EVERYTHING = PACKAGE + python_files("tests", "examples", "benchmarks")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=shown)


def room(path: Path) -> str:
    """Which room a file of the package belongs to."""
    first, second, *_ = (*path.relative_to(ROOT).parts, "")
    if first == "eventsim" and second in ("study", "hardware"):
        return second
    if first == "eventsim" and second not in ENGINE:
        return "cli" if second in ("cli", "__main__.py") else "engine"
    if first == "eventsim":
        return second
    return second if second in MODELS else first


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(module: ast.AST) -> Iterator[str]:
    """Every dotted name that a file imports, wherever it stands; `from a import b` gives a and a.b."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and last_name(node.func) in BY_NAME and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def last_name(node: ast.AST) -> str:
    """`kernel` of kernel, _jit.kernel and kernel(...)."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def functions(module: ast.AST) -> list[Function]:
    return [node for node in ast.walk(module) if isinstance(node, Function)]


def compiled_functions(module: ast.AST) -> list[Function]:
    """Functions with a mark of `eventsim._jit`, by a decorator or by a call such as kernel(run)."""
    marks = [mark.__name__ for mark in _jit.MARKS]
    called_on = {
        last_name(argument)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and last_name(node.func) in marks
        for argument in node.args
    }
    return [
        function
        for function in functions(module)
        if function.name in called_on or any(last_name(mark) in marks for mark in function.decorator_list)
    ]


def offences_of_compiled(function: Function) -> Iterator[str]:
    """What a compiled function does that may change bits, or that numba does not do as Python does."""
    for node in ast.walk(function):
        where = f"{function.name}, line {getattr(node, 'lineno', function.lineno)}: "
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
            yield where + "** is a repeated product when compiled"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            yield where + "@ sums in the order of a library"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("pow", "sum"):
            yield where + f"{node.func.id}() is not the same compiled"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if last_name(node.func.value) in ("np", "numpy") and node.func.attr in NOT_THE_SAME_BITS:
                yield where + f"np.{node.func.attr}: use math, or a loop"
        elif isinstance(node, ast.Raise | ast.Assert | ast.Try):
            yield where + "exceptions: return a status"


def own_lines(function: Function) -> int:
    """Lines of a function without its docstring and without the functions inside it, which count for themselves."""
    lines = set(range(function.lineno, (function.end_lineno or function.lineno) + 1))
    if ast.get_docstring(function) is not None:
        lines -= set(range(function.body[0].lineno, (function.body[0].end_lineno or 0) + 1))
    for inner in functions(function):
        if inner is not function:
            lines -= set(range(inner.lineno, (inner.end_lineno or 0) + 1))
    return len(lines)


@each(PACKAGE)
def test_rooms_import_in_one_direction(path: Path) -> None:
    wrong = {name for name in imported(tree(path)) for other in FORBIDDEN_IMPORTS[room(path)] if within(name, other)}
    if path == ROOT / "eventsim" / "__init__.py":
        wrong -= IMPORTED_WHEN_USED
    assert not wrong, f"{shown(path)} ({room(path)}) must not import {sorted(wrong)}"


def test_every_module_of_the_engine_is_in_a_room_or_is_known_to_be_in_none() -> None:
    assert {path.stem for path in python_files("eventsim") if path.parent == ROOT / "eventsim"} == {*GROUND, *ABOVE}


def test_nothing_is_imported_in_a_circle() -> None:
    """At run time, within functions, too; what is imported for annotations alone counts as well."""
    modules = {shown(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in PACKAGE}
    modules = {name if name.startswith("eventsim") else f"eventsim.{name}": path for name, path in modules.items()}
    packages = {name for name, path in modules.items() if path.stem == "__init__"}
    ahead = {
        name: {other for other in imported(tree(path)) if other in modules and other not in packages}
        for name, path in modules.items()
        if name not in packages
    }
    while leaves := [name for name, needed in ahead.items() if not needed & ahead.keys()]:
        for name in leaves:
            del ahead[name]
    assert not ahead, "each of these imports another of them"


def test_every_source_of_the_engine_is_part_of_the_fingerprint() -> None:
    apart = ("cli", "hardware", "study")
    engine = [path for path in python_files("eventsim") if room(path) not in apart or path.name == "__main__.py"]
    assert set(engine_sources()) == set(engine)


@each(PACKAGE)
def test_what_a_file_imports_means_the_same_in_all_of_its_functions(path: Path) -> None:
    imports = [node for node in tree(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    assigned = [
        f"{node.id} in line {node.lineno}"
        for function in functions(tree(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in names
    ]
    assert not assigned, f"{shown(path)} assigns to what it imports: {assigned}"


@each(PACKAGE)
def test_only_jit_names_numba(path: Path) -> None:
    if path.parent != ROOT / "eventsim" / "_jit":
        assert not [name for name in imported(tree(path)) if within(name, "numba")]


@each(EVERYTHING)
def test_nothing_uses_heapq(path: Path) -> None:
    assert "heapq" not in {name.partition(".")[0] for name in imported(tree(path))}


@each(EVERYTHING)
def test_imports_are_absolute(path: Path) -> None:
    relative = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.level > 0]
    assert not relative
    assert not [name for name in imported(tree(path)) if name.partition(".")[0] in ("models", "viz")]


@each(PACKAGE)
def test_compiled_functions_give_the_bits_of_python(path: Path) -> None:
    offences = [offence for function in compiled_functions(tree(path)) for offence in offences_of_compiled(function)]
    assert not offences, "\n".join(offences)


@each(PACKAGE)
def test_nothing_asks_for_fastmath(path: Path) -> None:
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, ast.keyword) and node.arg == "fastmath"]


@pytest.mark.parametrize("mark", [mark.__name__ for mark in _jit.MARKS])
def test_the_rules_for_compiled_functions_know_every_mark(mark: str) -> None:
    source = f"@{mark}\ndef part(x):\n    y = x**3\n    raise ValueError(np.exp(y))"
    (marked,) = compiled_functions(ast.parse(source))
    assert len(list(offences_of_compiled(marked))) == 3


def test_every_mark_of_jit_is_known_and_the_engine_uses_it() -> None:
    returned = {
        function.name
        for function in tree(ROOT / "eventsim" / "_jit" / "marks.py").body
        if isinstance(function, Function) and any(last_name(call) == "register_jitable" for call in ast.walk(function))
    }
    marks = {mark.__name__ for mark in _jit.MARKS}
    assert returned | {"kernel"} == marks
    used = {last_name(mark) for path in PACKAGE for f in functions(tree(path)) for mark in f.decorator_list}
    assert marks <= used


def test_the_rules_for_compiled_functions_see_what_they_forbid() -> None:
    source = """
@jitable
def power(x):
    return x**3

def factory():
    @_jit.kernel
    def run(x, y):
        y **= 2
        raise ValueError(np.exp(x) + pow(x, y))
    return run

def plain(x):
    return x**3

def marked_by_a_call(x):
    return x @ x

loop = kernel(marked_by_a_call)
"""
    found = {
        offence.partition(":")[0] for f in compiled_functions(ast.parse(source)) for offence in offences_of_compiled(f)
    }
    assert found == {"power, line 4", "run, line 9", "run, line 10", "marked_by_a_call, line 17"}


@each(PACKAGE)
def test_files_and_functions_are_short(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_FILE_LINES, f"{shown(path)} has {n_lines} lines: which second subject can leave it?"
    long = {f.name: own_lines(f) for f in functions(tree(path)) if own_lines(f) > MAX_FUNCTION_LINES}
    assert not long, f"{shown(path)}: {long}"


@each(EVERYTHING)
def test_files_and_folders_are_named_after_a_subject(path: Path) -> None:
    names = [Path(part).stem for part in path.relative_to(ROOT).parts]
    assert not [name for name in names if EMPTY_NAMES.search(name)]


@each(PACKAGE)
def test_public_functions_and_classes_have_docstrings(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module), f"{shown(path)}: what is it, what does it rely on, who uses it?"
    bare = [
        node.name
        for node in module.body
        if isinstance(node, Function | ast.ClassDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
        if not any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)  # types alone
    ]
    assert not bare, f"{shown(path)}: {bare}"


@each([path for path in python_files("tests") if path.name.startswith("test_")])  # others hold no test to mark
def test_what_needs_a_heavy_package_is_marked(path: Path) -> None:
    # `make test` and `make references` share an environment, so a forgotten mark would not be noticed otherwise.
    needed = {HEAVY[name.partition(".")[0]] for name in imported(tree(path)) if name.partition(".")[0] in HEAVY}
    marks = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    if "devices" in marks:
        marks |= {"references"}  # PyTorch comes with aihwkit
    assert needed <= marks, f"{shown(path)} lacks the mark {sorted(needed - marks)}"


def test_the_naive_oracle_shares_no_code_with_what_it_judges() -> None:
    names = set(imported(tree(ROOT / "tests" / "naive.py")))
    assert not [name for name in names if within(name, "eventsim")]


def project_texts() -> list[Path]:
    """Everything written by hand: sources, documents, configuration."""
    texts = {".py", ".md", ".toml", ".txt", ".cff", ".sh", ".cfg", ".yml", ".yaml", ""}
    inside = [
        p
        for f in ("docs", ".ci", "eventsim", "models", "viz", "tests", "examples", "benchmarks", "findings")
        for p in (ROOT / f).rglob("*")
    ]
    files = [path for path in [*ROOT.iterdir(), *inside] if path.is_file() and path.resolve() == path]
    return [path for path in files if path.suffix in texts and not path.name.startswith(".")]


def test_nothing_leads_out_of_the_checkout() -> None:
    # A path of one machine, or a relative path that climbs to something the checkout does not have.
    of_a_machine = re.compile(r"(?<![\w./~-])/(?:home|root|work|Users|mnt)/\w[\w.-]*")
    climbing = re.compile(r"(?<![\w./])((?:\.\./)+)([\w][\w.-]*)")
    wrong = []
    for path in project_texts():
        text = path.read_text(encoding="utf-8")
        wrong += [f"{shown(path)}: {found.group()}" for found in of_a_machine.finditer(text)]
        for found in climbing.finditer(text):
            inside_root = (ROOT / found[2]).exists()
            from_here = (path.parent / found.group()).resolve()
            if not inside_root and not (from_here.exists() and from_here.is_relative_to(ROOT)):
                wrong.append(f"{shown(path)}: {found.group()}")
    assert not wrong, "\n".join(wrong)


def test_every_field_of_the_tables_is_read() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in python_files("eventsim") if path.name != "tables.py")
    dtypes = {name: kind for name, kind in vars(tables).items() if isinstance(kind, np.dtype) and kind.names}
    assert len(dtypes) > 12
    for name, kind in dtypes.items():
        for field in kind.names or ():
            read = re.search(rf"\.{field}\b(?!\s*(?:[-+*/|&]?=[^=]))|\"{field}\"", text)
            assert read, f"{name}.{field} is set at most"
