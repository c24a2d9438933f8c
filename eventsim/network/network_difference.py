"""What is not the same in two networks, in words: which parameter of which population, which weights.

Relies on what defines a network. Used where a run is held against a network that it is not of: a hash says that they
differ, not where.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import shown
from eventsim.network.definition import network_content
from eventsim.network.network import Network, Population, Projection, Source

MOST_NAMED = 3


class Part(NamedTuple):
    """A part of what defines a network: an array or a JSON value, what it is called, and whose it is."""

    owner: Source | Population | Projection
    name: str
    value: Any


def network_parts(net: Network) -> dict[str, Any]:
    """Return what defines a network, an array or a JSON value each, by what messages call it."""
    header, _ = network_content(net.time_unit, net.nodes, net.projections)
    whole = {
        "the time unit": header["time_unit"],
        "the list of sources and populations": [node["name"] for node in header["nodes"]],
        "the list of projections": [[one["pre"], one["post"]] for one in header["projections"]],
    }
    return whole | {called: part.value for called, part in owned_parts(net).items()}


def owned_parts(net: Network) -> dict[str, Part]:
    """Return the parts of a network's nodes and projections, by what messages call them."""
    header, arrays = network_content(net.time_unit, net.nodes, net.projections)
    nodes, projections = header["nodes"], header["projections"]
    parts: dict[str, Part] = {}
    listed: list[tuple[str, Any, list[str], Any]] = [
        ("node", net.nodes, [f"of {node['name']!r}" for node in nodes], nodes),
        ("projection", net.projections, _called(projections), projections),
    ]
    for prefix, owners, called, entries in listed:
        for i, (owner, whose, entry) in enumerate(zip(owners, called, entries, strict=True)):
            values = {name: value for name, value in entry.items() if name not in ("name", "pre", "post")}
            start = f"{prefix}{i}."
            values |= {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            parts |= {f"{name} {whose}": Part(owner, name, value) for name, value in values.items()}
    return parts


def _called(projections: list[dict[str, Any]]) -> list[str]:
    """What each projection is called: by its ends, and its number where several have the same."""
    ends = [f"of {one['pre']} -> {one['post']}" for one in projections]
    return [f"{end} (projection {i})" if ends.count(end) > 1 else end for i, end in enumerate(ends)]


def part_digests(net: Network) -> dict[str, str]:
    """Return the beginning of the SHA-256 of each of a network's parts, by what messages call it."""
    return {name: _digest(part) for name, part in network_parts(net).items()}


def _digest(part: Any) -> str:
    if isinstance(part, np.ndarray):
        content = f"{part.shape} {part.dtype.str}".encode() + part.tobytes()
    else:
        content = json.dumps(part, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def differing_parts(digests: Mapping[str, str], net: Network) -> list[str]:
    """Return the names of the parts in which `net` is another network than one whose `part_digests` these are."""
    now = part_digests(net)
    return [name for name in {**digests, **now} if digests.get(name) != now.get(name)]


def difference(
    simulated: Network | None, digests: Mapping[str, str], network_hash: str, net: Network, only: str | None = None
) -> str:
    """Return in which parts `net` is another network than one that was simulated, with values where it is still there.

    Parameters
    ----------
    simulated
        The network that was simulated, or None.
    digests
        The `part_digests` of the network that was simulated, used where `simulated` is None; empty where only its hash
        is known.
    only
        The one part to speak of, or None.
    """
    then: dict[str, Any] = {}
    before = digests
    if simulated is not None:
        then = network_parts(simulated)
        before = part_digests(simulated)
    if not before:
        return f"hash {network_hash[:12]}, not {net.hash()[:12]}"
    now = network_parts(net)
    names = differing_parts(before, net) if only is None else [only]
    both = [name in then and name in now for name in names]
    found = [
        f"{name}{_values(then[name], now[name]) if shared else ''}" for name, shared in zip(names, both, strict=True)
    ][:MOST_NAMED]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"it differs in {', '.join(found)}{more}"


def _values(then: Any, now: Any) -> str:
    """The first value that differs: "[3] = 1.0, not 2.0"; "" where there is nothing to show."""
    if not isinstance(then, np.ndarray) or not isinstance(now, np.ndarray):
        return f" ({shown(then)}, not {shown(now)})"
    if then.shape != now.shape:
        return f" (shape {then.shape}, not {now.shape})"
    bad = np.argwhere(then != now)
    if not len(bad):
        return ""
    index = tuple(int(i) for i in bad[0])
    return f" ([{', '.join(map(str, index))}] = {shown(then[index])}, not {shown(now[index])})"
