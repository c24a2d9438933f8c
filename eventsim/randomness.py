"""Counter-based randomness: each draw is a function of (seed, purpose, sample, population, neuron, number).

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), held against the authors' published
known answers by tests/test_randomness.py. No state: the same draw whatever the engine, thread, batch or order of
events. Used by the Poisson source and the faults, interpreted and compiled with the same bits.
"""

import hashlib
import math
from typing import Any

import numpy as np

from eventsim._jit import jitable

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_SHIFT_A = np.uint64(6)
_SHIFT_B = np.uint64(5)
_TWO_26 = 67108864.0
_TWO_53 = 9007199254740992.0


@jitable
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Ten rounds of Philox4x32; every argument and result is an unsigned 32-bit number held in a uint64."""
    for _ in range(10):
        product0 = _M0 * c0
        product1 = _M1 * c2
        c0, c1, c2, c3 = (
            (product1 >> _HALF) ^ c1 ^ k0,
            product1 & _LOW,
            (product0 >> _HALF) ^ c3 ^ k1,
            product0 & _LOW,
        )
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@jitable
def uniforms(key: Any, sample: Any, neuron: Any, number: Any) -> tuple[float, float]:
    """Two independent uniforms in (0, 1) with 53 random bits each, never 0 and never 1.

    `neuron` may be a synapse, a number of up to 62 bits: the upper ones go into the key.
    """
    key64 = np.uint64(key) ^ (np.uint64(neuron) >> _HALF)
    sample64 = np.uint64(sample)
    a, b, c, d = philox(
        np.uint64(neuron) & _LOW,
        np.uint64(number) & _LOW,
        sample64 & _LOW,
        sample64 >> _HALF,
        key64 & _LOW,
        key64 >> _HALF,
    )
    first = (float(a >> _SHIFT_B) * _TWO_26 + float(b >> _SHIFT_A) + 0.5) / _TWO_53
    second = (float(c >> _SHIFT_B) * _TWO_26 + float(d >> _SHIFT_A) + 0.5) / _TWO_53
    return min(first, 1.0 - 1.0 / _TWO_53), min(second, 1.0 - 1.0 / _TWO_53)


@jitable
def normal(key: Any, sample: Any, neuron: Any, number: Any) -> float:
    """One standard normal number (Box and Muller 1958)."""
    first, second = uniforms(key, sample, neuron, number)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@jitable
def exponential(key: Any, sample: Any, neuron: Any, number: Any) -> float:
    """One exponentially distributed number of mean 1."""
    first, _second = uniforms(key, sample, neuron, number)
    return -math.log(first)


def stream_key(seed: int, *purpose: object) -> int:
    """Return the 64-bit key of a stream of draws, e.g. ``stream_key(seed, "jitter", 0, "dense1")``.

    Streams of different purpose are independent; the key depends on names, never on positions in memory.
    """
    text = "\x1f".join([str(int(seed)), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
