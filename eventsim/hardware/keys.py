"""Every value that the file of a chip may have, by its key: what kind of value it is, for which chips, what it means.

Relies on the words of fabrics. The schema of the files, what a chip answers, what it lists as unknown and the tables of
the documentation are all made of this one table.
"""

from collections.abc import Mapping
from typing import NamedTuple

from eventsim.fabric.contract import CLAMP, FULL, LATE, NO_CLAMP

ON_GRID = ("mesh", "torus")
SHARED_LINK = ("bus", "star", "tree")
KINDS = ("bus", "mesh", "torus", "tree", "star")
DISCIPLINES = ("real-time", "tick", "barrier")
IN_STEPS = DISCIPLINES[1:]
ARBITERS = ("first come", "fixed priority", "round robin", "tree", "random")

# What a run may count and a chip may price, and what one of it is.
OPERATIONS = {
    "synaptic_operations": "a spike that arrives at one synapse",
    "neuron_updates_driven": "an update of a neuron that received something, or whose state is not at rest",
    "neuron_updates_idle": "an update of a neuron for which nothing happened, on chips that visit all in each step",
    "spikes": "a spike that a neuron fires",
    "packets": "a packet that is put into the fabric",
    "hops_x": "a packet that takes a link along x",
    "hops_y": "a packet that takes a link along y",
    "hops": "a packet that takes a link of a bus, a star or a tree",
    "axon_out": "a message that leaves a core",
    "axon_in": "a message that a core takes in",
    "input_packets": "a packet that enters the chip",
    "output_packets": "a packet that leaves the chip",
    "read_bits": "a bit that is read from the memory of synapses",
    "barriers": "a synchronisation of all cores at the end of a step",
    "samples": "a sample, from its input to its decision",
    "seconds": "a second for which the chip is on; the price is a power",
}


class Key(NamedTuple):
    """One value of a chip.

    Attributes
    ----------
    kind
        "time", "energy", "power", "memory", "count", "several" (a count of two or more), "capacity" (a count, or
        "unlimited"), "ratio", "choice", "size", "place", "positions" or "by count" (a time for each of several counts).
    meaning
        In half a sentence.
    choices
        The words of a choice.
    kinds
        Topologies of which it is a part; of all where there is none.
    disciplines
        Likewise of the time; elsewhere a chip may have it, and lacks nothing without it.
    optional
        Whether a chip without it lacks nothing: then it is never listed as unknown.
    absent
        Words that are none of the choices although they may be looked for, and why.
    """

    kind: str
    meaning: str
    choices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    disciplines: tuple[str, ...] = ()
    optional: bool = False
    absent: Mapping[str, str] = {}


def _served(kinds: tuple[str, ...] = ()) -> dict[str, Key]:
    """What every station has, whatever it is a station of."""
    return {
        "service": Key("time", "for how long a packet occupies it", (), kinds),
        "latency": Key("time", "for how long a packet is under way after it", (), kinds),
    }


def _from_neurons() -> dict[str, Key]:
    """A station where packets begin: one queue, of neurons, which do not wait."""
    meaning = "packets of neurons that may wait; those that find it full are lost. Unlimited where nothing is said"
    return _served() | {"intake": Key("capacity", meaning, (), (), (), True)}


def _from_stations(kinds: tuple[str, ...] = ()) -> dict[str, Key]:
    """A station that others send to: a queue for each of them."""
    return _served(kinds) | {
        "buffer": Key("capacity", "packets of each station before it that may wait", (), kinds),
        "full": Key("choice", "what its senders do where it is full: stall, or drop the packet", FULL, kinds),
        "arbiter": Key("choice", "who is served next", ARBITERS, kinds),
    }


STATIONS = {
    "axon_out": _from_neurons(),
    "link": _from_stations(SHARED_LINK),
    "link_x": _from_stations(ON_GRID),
    "link_y": _from_stations(ON_GRID),
    "core": {name: key for name, key in _from_stations().items() if name != "service"},
    "input": _from_neurons(),
    "output": _from_stations(),
}
# A core's service depends on the packet, so it is made of parts.
_CORE = {
    "axon_in": Key("time", "for how long a packet occupies a core, whatever it reaches there"),
    "per_synapse": Key("time", "… and how much longer for each synapse that it reaches"),
    "per_neuron": Key("time", "… and for each neuron that it reaches"),
    "update_driven": Key("time", "an update of a neuron that received something, at a barrier", (), (), ("barrier",)),
    "update_idle": Key("time", "an update of a neuron for which nothing happened", (), (), ("barrier",)),
    "spike": Key("time", "what a spike adds to the update of its neuron", (), (), ("barrier",)),
}
_TOLD = "; to be read: delays of a network are not held against it"
SECTIONS: dict[str, dict[str, Key]] = {
    "time": {
        "discipline": Key("choice", "whether neurons live in real time, on a global tick, or in steps that end at a "
                          "barrier, whose length is accounted beside the run", DISCIPLINES),
        "clock": Key("time", "period of the clock at which the times of its stations hold", (), (), (), True),
        "tick": Key("time", "packets are delivered at multiples of this", (), (), ("tick",)),
        "barrier": Key("time", "length of a barrier, whatever is in use", (), (), ("barrier",)),
        "barrier_by_cores": Key("by count", "length of a barrier by the number of cores in use: that of the largest "
                                "number that is not above it", (), (), ("barrier",)),
        "barrier_by_tiles": Key("by count", "the same by the number of tiles in use", (), (), ("barrier",)),
        "step_min": Key("time", "the shortest step of the whole chip", (), (), ("barrier",), True),
        "deadline": Key("time", "age at which a packet is late", (), (), (), True),
        "late": Key("choice", "what becomes of a late packet", LATE, (), (), True, {CLAMP: NO_CLAMP}),
        "speedup": Key("ratio", "model time by physical time: 1000 where neurons live a thousand times faster than "
                       "their models", (), (), (), True),
    },
    "topology": {
        "kind": Key("choice", "what lies between the cores", KINDS),
        "size": Key("size", "tiles along x and along y", (), ON_GRID),
        "cores": Key("count", "number of cores; on a grid those of all tiles where nothing is said"),
        "gate": Key("place", "the tile with input and output; [0, 0] where nothing is said", (), ON_GRID, (), True),
        "branching": Key("several", "children of each node of the tree", (), ("tree",)),
        "cores_per_tile": Key("count", "cores that share a tile; 1 where nothing is said", (), (), (), True),
        "numbering": Key("choice", "whether tiles are numbered along rows, x first, or along columns, y first",
                         ("rows", "columns"), ON_GRID),
        "positions": Key("positions", "where each tile is, [x, y], in the order of their numbers", (), (), (), True),
        "routing": Key("choice", "along which axis a packet goes first", ("xy", "yx"), ON_GRID),
        "packets": Key("choice", "one packet for all target cores, copied on the way, or one for each",
                       ("multicast", "unicast")),
    },
    **STATIONS,
    "core": {**_CORE, **STATIONS["core"]},
    "limits": {
        "neurons_per_core": Key("count", "neurons of a core"),
        "fan_in": Key("count", "synapses of a neuron"),
        "axons_per_core": Key("count", "neurons of which spikes reach a core"),
        "synapses_per_core": Key("count", "synapses of a core"),
        "synapse_memory_per_core": Key("memory", "memory of a core for its synapses"),
        "weight_bits": Key("count", "bits of a weight, its sign included"),
        "delay_steps_min": Key("count", f"the shortest delay, in ticks or steps{_TOLD}", (), (), IN_STEPS, True),
        "delay_steps_max": Key("count", f"the longest delay, in ticks or steps{_TOLD}", (), (), IN_STEPS, True),
    },
    "prices": {
        name: Key(
            "power" if name == "seconds" else "energy", f"for {meaning}", (),
            {"hops_x": ON_GRID, "hops_y": ON_GRID, "hops": SHARED_LINK}.get(name, ()),
            {"barriers": ("barrier",), "neuron_updates_idle": IN_STEPS}.get(name, ()), name == "samples",
        )
        for name, meaning in OPERATIONS.items()
    },
}  # fmt: skip
KEYS = {f"{section}.{name}": key for section, keys in SECTIONS.items() for name, key in keys.items()}
BARRIERS = ("time.barrier", "time.barrier_by_cores", "time.barrier_by_tiles")
