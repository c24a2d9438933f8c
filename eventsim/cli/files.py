"""Files that a command reads and writes besides eventsim's own: arrays of data, and pictures.

Relies on numpy's formats; a pickle is never loaded. Used by the commands.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, InputError
from eventsim.files.archive import DAMAGE, HEADER
from eventsim.files.arrays import TIMES, VALUES, arrays_of, chosen_array
from eventsim.files.output import check_place, replacing
from eventsim.network.network import Network
from eventsim.network.network_file import load_network
from eventsim.network.sources import SpikeTimes

Array = np.ndarray[Any, Any]
DATA_HELP = (
    f"data: a .npy array (n, *input shape), or an .npz file with one array or one named {VALUES!r}; an array named "
    f"{TIMES!r} holds one spike time a neuron (inf = silent) instead of values"
)


def read_data(path: Path) -> Array | SpikeTimes:
    """Return the values or the spike times of a data file.

    Raises
    ------
    FileFormatError
        A file that is missing, damaged, a pickle or of another kind; several arrays of which none is named "x".
    """
    name, array = chosen_array(path, arrays_of(path))
    return SpikeTimes(array) if name == TIMES else array


def read_values(path: Path) -> Array:
    """Return the values of a data file; spike times are refused."""
    data = read_data(path)
    if isinstance(data, SpikeTimes):
        raise InputError(f"{path}: this file holds spike times, but values are needed here; give the values")
    return data


def read_times(path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz file of spike times by population."""
    arrays = arrays_of(path)
    if HEADER in arrays:
        raise FileFormatError(
            f"{path}: this is a file of eventsim (`eventsim info {path}` says which), not spike times of another "
            "program; give an .npz file with an array for each population, or a run with --run"
        )
    if "" in arrays:
        raise FileFormatError(
            f"{path}: this is one array, and nothing says of which population; save the times with numpy.savez, each "
            "array under the name of its population"
        )
    return arrays


def format_of(path: Path) -> str:
    """Return the format that an eventsim file says it is; "" for another file. Nothing is checked beyond that."""
    return str(header_of(path).get("format", ""))


def header_of(path: Path) -> dict[str, Any]:
    """Return the header of an eventsim file, of which nothing is checked; {} for another file."""
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {}
        with loaded:
            header = json.loads(loaded[HEADER].tobytes())
    except DAMAGE:
        return {}
    return header if isinstance(header, dict) else {}


def network_of(path: Path, run: Path | None) -> Network:
    """Return the network of a file, with the unit of time that it had in a run.

    `eventsim hardware --time-unit` gives it one that its file does not have.
    """
    from eventsim.hardware import with_time_unit

    net = load_network(path)
    provenance = None if run is None else header_of(run).get("provenance")
    if not isinstance(provenance, dict):
        return net
    unit = provenance.get("time_unit")
    if isinstance(unit, float) and unit > 0 and unit != net.time_unit:
        other = with_time_unit(net, unit)
        if other.hash() in (provenance.get("network_hash"), provenance.get("made_from")):
            return other
    return net


def check_folder_of(path: Path, *inputs: Path | None) -> None:
    """Refuse a path that cannot be written to, or that is one of the `inputs`, before the work of which it is to hold
    the result.
    """
    for given in inputs:
        if given is not None and path.exists() and given.exists() and path.samefile(given):
            raise InputError(f"{path}: this is a file that the command reads; give --out another name")
    check_place("", path)


def save_figure(figure: Any, path: Path) -> None:
    """Write a picture completely or not at all; the suffix says the format, PNG without one."""
    kind = path.suffix.lower().removeprefix(".") or "png"
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise InputError(f"{path}: pictures of kind {kind!r} cannot be written; allowed: {', '.join(sorted(known))}")
    with replacing("", path) as temporary:
        figure.savefig(temporary, format=kind, dpi=120)


def save_array(array: Array, path: Path) -> None:
    """Write a .npy file completely or not at all."""
    with replacing("", path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
