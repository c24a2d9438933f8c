"""Where the samples of a run stand, and how a file holds that.

Relies on the states of samples. Used by `simulate`, which keeps one with a run, and by `resumption`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.sample_state import NAMES, SampleState, kind_of
from eventsim.engines.stimulus import Inputs
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


@dataclass(eq=False)
class RunState:
    """Where the samples of a run stand; either engine can go on with it.

    Attributes
    ----------
    inputs
        Digest of the data, which must be given again.
    samples
        The state of each sample; None where it has not begun.
    reached : array (n_samples,)
        The time up to which each sample was simulated.
    parts
        Digests of the parts of its network: what may be another in the next part of a run, and messages, depend on
        them. Files of earlier versions have none.
    sent
        Digest of the source spikes that each sample was sent (`digest_of_spikes`), "" where it has not begun. Files of
        earlier versions have none.
    """

    inputs: str
    samples: list[SampleState | None]
    reached: Array
    parts: Mapping[str, str]
    sent: Sequence[str]

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """What a file holds: an entry of its header, and arrays.

        Raises
        ------
        InputError
            Fractions, which stay in memory.
        """
        begun = {k: sample for k, sample in enumerate(self.samples) if sample is not None}
        arrays = {f"state{k}.{name}": array for k, sample in begun.items() for name, array in sample.arrays().items()}
        if any(array.dtype == object for array in arrays.values()):
            raise InputError("run.save: the state of an exact run holds Fractions; only those of float64 can be saved.")
        arrays["state.reached"] = self.reached
        digests = [_digest(sample) for sample in begun.values()]
        entry = {"inputs": self.inputs, "begun": [*begun], "digests": digests, "parts": dict(self.parts)}
        return entry | {"sent": [*self.sent]}, arrays

    @classmethod
    def unpacked(cls, n_samples: int, entry: dict[str, Any], arrays: Arrays) -> "RunState":
        """The state in a file's header and arrays; ValueError where they do not fit together."""
        reached, begun = arrays.pop("state.reached"), entry["begun"]
        if reached.shape != (n_samples,) or reached.dtype != np.float64 or not (reached >= 0).all():
            raise ValueError("times that are none")
        if not all(isinstance(k, int) and 0 <= k < n_samples for k in begun):
            raise ValueError("samples that are none")
        samples: list[SampleState | None] = [None] * n_samples
        for k in begun:
            mine = {name: arrays.pop(f"state{k}.{name}") for name in NAMES}
            if any(array.ndim != 1 or array.dtype != kind_of(name) for name, array in mine.items()):
                raise ValueError("arrays of other types")
            samples[k] = SampleState(**mine)
        if [_digest(sample) for sample in samples if sample is not None] != entry["digests"]:
            raise ValueError("arrays that were changed")
        parts = {str(name): str(digest) for name, digest in dict(entry.get("parts") or {}).items()}
        sent = [str(digest) for digest in list(entry.get("sent") or ())]
        if sent and len(sent) != n_samples:
            raise ValueError("digests of other samples")
        return cls(str(entry["inputs"]), samples, reached, parts, sent)


def _digest(state: SampleState) -> str:
    digest = hashlib.sha256()
    for name, array in state.arrays().items():
        digest.update(f"{name}\x1f{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def digest_of_spikes(times: Array, neurons: Array) -> str:
    """A SHA-256 (64 hex digits) of source spikes in their order: times and global neurons, (n_spikes,) each."""
    exact = repr(times.tolist()).encode() if times.dtype == object else np.ascontiguousarray(times).tobytes()
    return hashlib.sha256(exact + np.asarray(neurons, dtype=np.int64).tobytes()).hexdigest()


def digest_of(inputs: Inputs) -> str:
    """A SHA-256 (64 hex digits) of the data that a run was given; generators are known by their network and seed."""
    digest = hashlib.sha256()
    for name, data in sorted(inputs.data.items()):
        digest.update(f"{name}\x1f".encode())
        for part in [data] if isinstance(data, np.ndarray) else [array for train in data for array in train]:
            exact = repr(part.tolist()).encode() if part.dtype == object else part.tobytes()
            digest.update(f"{part.shape}\x1f".encode() + exact)
    return digest.hexdigest()
