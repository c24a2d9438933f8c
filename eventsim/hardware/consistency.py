"""What values of a chip may stand beside each other.

Relies on the table of keys. Used whenever a chip is made, from a file or from another chip.
"""

from collections.abc import Mapping

from eventsim.errors import listed
from eventsim.hardware.facts import Fact
from eventsim.hardware.keys import BARRIERS, KEYS
from eventsim.hardware.problems import Problem

LARGEST = 10**6  # number of tiles, and of cores


def inconsistency(facts: Mapping[str, Fact]) -> Problem | None:
    """Return the first contradiction among the values of a chip; None where there is none."""
    for check in (_parts_of_another, _barriers, _places, _charged_twice):
        text = check(facts)
        if text:
            return Problem(tuple(text.split(":")[0].split(".")), text)
    return None


def _parts_of_another(facts: Mapping[str, Fact]) -> str:
    """A link along x belongs to no bus."""
    if "topology.kind" not in facts:
        return ""
    kind = facts["topology.kind"].value
    for name in facts:
        key = KEYS.get(name)
        if key and key.kinds and kind not in key.kinds:
            return (
                f"{name}: this is no part of a {kind}; must be left out of one, since it belongs to "
                f"{listed(key.kinds)}. Take it out, or write kind = …"
            )
    return ""


def _barriers(facts: Mapping[str, Fact]) -> str:
    """One length of a barrier, and where it is by count, one for the smallest count."""
    given = {key: [name for name in facts if name == key or name.startswith(f"{key}.")] for key in BARRIERS}
    several = [key for key, names in given.items() if names]
    if len(several) > 1:
        return f"{given[several[1]][0]}: {several[0]} is there, too; must be one of them. Take one out."
    for key, names in given.items():
        if names and key != BARRIERS[0] and f"{key}.1" not in facts:
            return f'{names[0]}: there is no length for 1; must begin there. Add 1 = "…" to [{key}].'
    return ""


def _places(facts: Mapping[str, Fact]) -> str:
    """Tiles inside their grid, and enough of them for all cores; no more of either than can be listed."""
    positions, size = facts.get("topology.positions"), facts.get("topology.size")
    if size and size.value[0] * size.value[1] > LARGEST:
        return f"topology.size: {size.text} are more than {LARGEST:,} tiles; must be fewer. Make it smaller."
    tiles = len(positions.value) if positions else size.value[0] * size.value[1] if size else None
    cores, shared = facts.get("topology.cores"), facts.get("topology.cores_per_tile")
    if cores and cores.high > LARGEST:
        return f"topology.cores: {cores.text} are more than {LARGEST:,} cores; must be fewer. Write a smaller number."
    if shared and shared.high * (tiles or 1) > LARGEST:
        return (
            f"topology.cores_per_tile: {shared.text} on {tiles or 1:,} tiles are more than {LARGEST:,} cores; must be "
            "fewer. Write a smaller number."
        )
    if tiles and cores and cores.low > tiles * (shared.high if shared else 1):
        return (
            f"topology.cores: {cores.text} are more than {tiles} tiles have; must be at most these. Mend one of them."
        )
    gate = facts.get("topology.gate")
    if gate and size and not (gate.value[0] < size.value[0] and gate.value[1] < size.value[1]):
        return f"topology.gate: {list(gate.value)} is outside {size.text} tiles; must lie inside. Mend it."
    if positions and size:
        inside = [(x, y) for x, y in positions.value if 0 <= x < size.value[0] and 0 <= y < size.value[1]]
        if len(inside) != len(positions.value):
            (outside, *_) = [place for place in positions.value if place not in inside]
            return f"topology.positions: {list(outside)} is outside {size.text} tiles; must lie inside. Mend it."
    return ""


def _charged_twice(facts: Mapping[str, Fact]) -> str:
    """What an all-in price contains has no price of its own, and no other price contains it."""
    prices = {name.removeprefix("prices."): fact for name, fact in facts.items() if name.startswith("prices.")}
    payer = {name: name for name in prices}
    for name, fact in prices.items():
        for inner in fact.contains:
            if inner in payer:
                other = f"prices.{payer[inner]}" + (" contains it, too" if payer[inner] != inner else "")
                return (
                    f"prices.{name}: this is all-in and contains {inner}, and there is {other}; must be charged once. "
                    "Take one of them out, or name in contains = […] what is contained."
                )
            payer[inner] = name
    return ""
