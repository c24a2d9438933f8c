"""The rooms of eventsim and which of them knows which, drawn from the imports of the sources as they are now.

A room stands above all that it imports. An arrow that a way through other rooms implies is left out.
"""

import ast
from collections import defaultdict
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from eventsim.viz.palette import GRID, INK, LAYERS

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "house.png"
GROUND = ("errors", "settings", "checks", "extras", "table", "wording", "rounding", "kinds")
WIDTH, HEIGHT = 1.15, 0.58
# What each room is about, in a word or two; the rest stands in docs/design.md.
ABOUT = {
    "ground": "errors, checks, tables", "randomness": "draws by place",
    "progress": "what is shown", "files": "written whole or not", "_jit": "names numba", "network": "what is built",
    "connectivity": "rules, distributions",
    "faults": "on the spine", "transport": "buses, stations", "engines": "both, and what they share",
    "run": "what is left behind", "inspection": "compare, explain", "simulate": "the one entry", "cli": "commands",
    "study": "many runs", "models": "mapping, certificates", "neurons": "one file a family", "viz": "figures",
    "warm_up": "compiles first",
}  # fmt: skip


def main() -> None:
    """Draw the picture."""
    lines, known = rooms()
    floor = floors(known)
    figure = Figure(figsize=(7.4, 10.0), layout="constrained")
    axes = figure.subplots()
    place = {}
    for height in sorted(set(floor.values())):
        here = sorted(room for room in floor if floor[room] == height)
        for k, room in enumerate(here):
            place[room] = ((k - (len(here) - 1) / 2) * 1.45, float(height))
    for room, others in direct(known).items():
        for other in sorted(others):
            arrow(axes, place[room], place[other])
    for room, (x, y) in place.items():
        box(axes, room, lines[room], x, y)
    axes.set_xlim(-2.2, 2.2)
    axes.set_ylim(-0.6, max(floor.values()) + 0.6)
    axes.axis("off")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def room_of(module: str) -> str | None:
    """The room of a module of eventsim; None of `eventsim` itself, which only hands names on."""
    _, first, second, *_ = [*module.split("."), "", ""]
    if first in ("", "__init__", "__main__"):
        return None
    if first in GROUND:
        return "ground"
    return "neurons" if (first, second) == ("models", "neurons") else first


def rooms() -> tuple[dict[str, int], dict[str, set[str]]]:
    """Lines of each room, and which others each one imports."""
    lines: dict[str, int] = defaultdict(int)
    known: dict[str, set[str]] = defaultdict(set)
    for path in sorted(sources()):
        room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if room is None:
            continue
        text = path.read_text(encoding="utf-8")
        lines[room] += text.count("\n")
        for node in ast.walk(ast.parse(text)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if names == ["eventsim"]:
                names = [f"eventsim.{alias.name}" for alias in node.names]  # type: ignore[union-attr]
            others = {room_of(name) for name in names if name.startswith("eventsim.")} - {None, room}
            known[room] |= {other for other in others if other in ABOUT}  # type: ignore[misc]
    return lines, {room: known[room] for room in lines}


def sources() -> list[Path]:
    """Every source file, by the name under which it is imported: links are followed."""
    found = [path for path in (ROOT / "eventsim").rglob("*.py") if path.resolve() == path]
    for link in ("models", "viz"):
        found += [ROOT / "eventsim" / link / path.relative_to(ROOT / link) for path in (ROOT / link).rglob("*.py")]
    return found


def floors(known: dict[str, set[str]]) -> dict[str, int]:
    """How high each room stands: above all that it imports."""
    floor: dict[str, int] = {}
    while ready := [room for room, others in known.items() if room not in floor and others <= floor.keys()]:
        for room in ready:
            floor[room] = 1 + max((floor[other] for other in known[room]), default=-1)
    assert len(floor) == len(known), f"a circle among {sorted(known.keys() - floor.keys())}"
    return floor


def direct(known: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no way through other rooms implies."""

    def below(room: str) -> set[str]:
        return known[room].union(*(below(other) for other in known[room]))

    return {room: {o for o in others if not any(o in below(p) for p in others - {o})} for room, others in known.items()}


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From the foot of one room to the roof of another."""
    axes.annotate(
        "", (end[0], end[1] + HEIGHT / 2), (start[0], start[1] - HEIGHT / 2),
        arrowprops={"arrowstyle": "-|>", "color": GRID if start[1] - end[1] > 1.5 else INK, "lw": 1.0},
        zorder=0,
    )  # fmt: skip


def box(axes: Axes, room: str, n_lines: int, x: float, y: float) -> None:
    """One room: its name, what it is about, and how large it is."""
    outer = room in ("models", "neurons", "viz", "cli")
    axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0.02", facecolor="white",
            edgecolor=LAYERS[3] if outer else LAYERS[1], lw=1.4,
        )
    )  # fmt: skip
    axes.text(x, y + 0.15, room, ha="center", va="center", color=INK, fontweight="bold", fontsize=10)
    axes.text(x, y - 0.03, ABOUT[room], ha="center", va="center", color=INK, fontsize=8)
    axes.text(x, y - 0.18, f"{n_lines:,} lines", ha="center", va="center", color=LAYERS[0], fontsize=7)


if __name__ == "__main__":
    main()
