"""What is not the same in two networks, in words: which parameter of which population, which weights.

Relies on what defines a network. Used where a run is held against a network that it is not of: a hash says that they
differ, not where.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.network.definition import network_content
from eventsim.network.network import Network

MOST_NAMED = 3


def network_parts(net: Network) -> dict[str, Any]:
    """Return what defines a network, an array or a JSON value each, by what messages call it."""
    header, arrays = network_content(net.time_unit, net.nodes, net.projections)
    nodes, projections = header["nodes"], header["projections"]
    parts: dict[str, Any] = {
        "the time unit": header["time_unit"],
        "the list of sources and populations": [node["name"] for node in nodes],
        "the list of projections": [[one["pre"], one["post"]] for one in projections],
    }
    listed = [("node", [f"of {node['name']!r}" for node in nodes], nodes)]
    listed.append(("projection", _called(projections), projections))
    for prefix, called, entries in listed:
        for i, (whose, entry) in enumerate(zip(called, entries, strict=True)):
            parts |= {f"{key} {whose}": value for key, value in entry.items() if key not in ("name", "pre", "post")}
            start = f"{prefix}{i}."
            parts |= {
                f"{name.removeprefix(start)} {whose}": array for name, array in arrays.items() if name.startswith(start)
            }
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


def difference(simulated: Network | None, digests: Mapping[str, str], network_hash: str, net: Network) -> str:
    """Return in which parts `net` is another network than one that was simulated, with values where it is still there.

    Parameters
    ----------
    simulated
        The network that was simulated, or None.
    digests
        The `part_digests` of the network that was simulated, used where `simulated` is None; empty where only its hash
        is known.
    """
    then: dict[str, Any] = {}
    before = digests
    if simulated is not None:
        then = network_parts(simulated)
        before = part_digests(simulated)
    if not before:
        return f"hash {network_hash[:12]}, not {net.hash()[:12]}"
    now = network_parts(net)
    digests = {name: _digest(part) for name, part in now.items()}
    names = [name for name in {**before, **digests} if before.get(name) != digests.get(name)]
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
