"""How numbers are printed: thousands separated, units named.

Used by every command that prints.
"""

from collections.abc import Sequence


def pairs(rows: Sequence[tuple[str, object]], indent: int = 2) -> str:
    """Return lines of a name and what belongs to it, aligned."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{'':{indent}}{name:<{width}}  {value}" for name, value in rows)


def count(n: float) -> str:
    """12928 is "12,928"."""
    return f"{int(n):,}"


def large(n: float) -> str:
    """41200000 is "41.2 million"; below a million as `count`."""
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if n >= size:
            return f"{n / size:.3g} {name}"
    return count(n)


def percent(share: float) -> str:
    """0.975 is "97.50 %"."""
    return f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """0.0123 is "12 ms", 83 is "1 min 23 s"."""
    if seconds < 0.9995:
        return f"{1e3 * seconds:.3g} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def shape_text(shape: Sequence[int]) -> str:
    """(8, 8) is "8 × 8"."""
    return " × ".join(map(str, shape))


def plural(n: int, noun: str) -> str:
    """Return "1 sample" and "2 samples"."""
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"
