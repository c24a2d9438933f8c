"""The networks that the samples of a call run on: the given one or, where faults act before the run, devices of it.

Relies on what makes devices (`eventsim.faults.making`). Made by `simulate`; used by both engines.
"""

import json
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.faults.contract import Fault
from eventsim.faults.making import device_of, makers, manufacture
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]
KEPT = 8  # devices at hand: threads work on samples that lie together, and calls follow on calls
# By network: devices that were made of it last, by faults, seed and what tells devices apart.
_MADE: weakref.WeakKeyDictionary[Network, dict[Any, Network]] = weakref.WeakKeyDictionary()


class Devices:
    """One network for all samples, or one for each sample or batch of samples.

    Attributes
    ----------
    given
        The network that the user gave.
    first
        That of the first sample; the others differ in parameters and weights alone.
    several
        Whether samples run on different devices.
    """

    def __init__(self, net: Network, faults: Sequence[Fault], seed: int) -> None:
        self.given, self._faults, self._seed = net, makers(faults), seed
        kinds = tuple(type(fault) for fault in self._faults)  # two classes may have one name
        self._said = kinds, json.dumps([fault.describe() for fault in self._faults], default=repr)
        self._keys: list[tuple[int, ...]] = [device_of(self._faults, 0)]
        self._ids = [0]
        self.first = self.of(0)

    @property
    def made(self) -> bool:
        """Do faults make other networks of the given one?"""
        return bool(self._faults)

    @property
    def several(self) -> bool:
        """Do samples run on different devices?"""
        return len(set(self._keys)) > 1

    def share(self, sample_ids: Array) -> None:
        """Say which samples there are, (n_samples,)."""
        if self._faults:
            self._ids = sample_ids.tolist()
            self._keys = [device_of(self._faults, one) for one in self._ids]
            self.first = self.of(0)

    def of(self, row: int) -> Network:
        """The network of a sample; samples of one device share it."""
        if not self._faults:
            return self.given
        key = self._said, self._seed, self._keys[row]
        made = _MADE.setdefault(self.given, {})
        found = made.get(key)
        if found is None:
            found = manufacture(self.given, self._faults, self._seed, self._ids[row])
            while len(made) >= KEPT:
                made.pop(next(iter(made)), None)
            made[key] = found
        return found

    def ranges(self, n_samples: int, batch: int) -> list[tuple[int, int]]:
        """Batches low..high-1 of samples of one device, of at most `batch`, in order."""
        if not self.several:
            return [(low, min(low + batch, n_samples)) for low in range(0, n_samples, batch)]
        found, low = [], 0
        for row in range(1, n_samples + 1):
            if row == n_samples or row - low == batch or self._keys[row] != self._keys[low]:
                found.append((low, row))
                low = row
        return found
