"""Recordings that are records of one length: Prophesee's .dat, and the .bin of N-MNIST.

A dtype of numpy reads such files whole. Of the readers that there are none gives all of them right: times that go back
are moved, or the type byte of N-CARS is refused; tonic is a large package. Relies on `prophesee_header`. Used by
`camera_files`.
"""

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.network.camera_events import CAMERA, Array
from eventsim.network.prophesee_header import read_header

# Type bytes of .dat files whose records are changes: 0x0c, and 0x00 of older ones, such as those of N-CARS.
CHANGES = (0x00, 0x0C)
DAT = np.dtype([("t", "<u4"), ("where", "<u4")])
DAT_BITS = {1: (9, 8), 2: (14, 14)}  # of x and of y, by version; the polarity follows
NMNIST = np.dtype([("x", "u1"), ("y", "u1"), ("when", "u1", 3)])
OVERFLOW_ROW, OVERFLOW = 240, 8192  # a record with this y is no event: so many µs pass


def read_dat(where: str, raw: bytes) -> tuple[Array, tuple[int, int] | None]:
    """The events of a .dat file, and (height, width) where it says them.

    Times have 32 bits and begin again from 0 after 71 minutes: what steps by less than half of that, forward or back,
    is that step.

    Raises
    ------
    FileFormatError
        Other versions or types, half a record, a polarity that is none.
    """
    header = read_header(where, raw)
    version, begin = header.whole(where, "version"), header.whole(where, "t0") or 0
    if version not in DAT_BITS:
        said = "no version" if version is None else f"version {version}"
        raise FileFormatError(
            f"{where}: the header has {said}; must be version 1 or 2, by which x and y have their bits. Where you know "
            "it, add a line '% Version 2'."
        )
    form = raw[header.n_bytes : header.n_bytes + 2]
    if len(form) < 2 or form[0] not in CHANGES or form[1] != DAT.itemsize:
        raise FileFormatError(
            f"{where}: behind the header are the bytes {form.hex(' ') or 'of nothing'}, the type and length of an "
            "event; must be 0c 08 or 00 08, events of change. Files of other events (triggers, exposure) are not read."
        )
    records = _records(where, raw, header.n_bytes + 2, DAT)
    bits_x, bits_y = DAT_BITS[version]
    polarity = records["where"] >> (bits_x + bits_y)
    if (polarity > 1).any():
        bad = int(np.argmax(polarity > 1))
        raise FileFormatError(
            f"{where}: event {bad} has polarity {polarity[bad]}; must be 0 or 1. It is no event of change, or the file "
            "is damaged: copy it again."
        )
    steps = np.diff(records["t"], prepend=records["t"][:1]).view(np.int32)  # modulo 2^32, the nearest
    first = int(records["t"][0]) if len(records) else 0
    found = np.zeros(len(records), CAMERA)
    found["t"] = begin + first + np.cumsum(steps, dtype=np.int64)
    found["x"], found["p"] = records["where"] & ((1 << bits_x) - 1), polarity == 1
    found["y"] = records["where"] >> bits_x & ((1 << bits_y) - 1)
    return found, header.sizes(where)


def read_nmnist(where: str, raw: bytes) -> tuple[Array, None]:
    """The events of a .bin file of N-MNIST or N-Caltech101, which does not say how large the camera is.

    Five bytes each: x, y, then one bit of polarity and 23 of time (µs), the highest first (Orchard et al., "Converting
    static image datasets to spiking neuromorphic datasets using saccades", 2015). Row 0 is the uppermost, p = 1 is
    brighter.
    """
    records = _records(where, raw, 0, NMNIST)
    overflow = records["y"] == OVERFLOW_ROW
    when = records["when"].astype(np.int64)
    found = np.zeros(len(records), CAMERA)
    found["t"] = (when[:, 0] & 0x7F) << 16 | when[:, 1] << 8 | when[:, 2]
    found["t"] += OVERFLOW * np.cumsum(overflow)
    found["x"], found["y"], found["p"] = records["x"], records["y"], when[:, 0] >> 7
    return found[~overflow], None


def _records(where: str, raw: bytes, begin: int, form: "np.dtype[np.void]") -> Array:
    """All records from a place on; half a record at the end is refused."""
    rest = (len(raw) - begin) % form.itemsize
    if rest:
        raise FileFormatError(
            f"{where}: the last event has {rest} of {form.itemsize} bytes; must be a whole recording. Copy it again."
        )
    return np.frombuffer(raw, form, offset=begin)
