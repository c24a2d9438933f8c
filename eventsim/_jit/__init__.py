"""The room that names numba: how scalar functions and loops become machine code.

``NUMBA_DISABLE_JIT=1`` makes all of them run as ordinary Python, with the same bits: kernels use `math` only, no ``**``
and no fastmath. Used by the compiled engine, the neuron models, faults and transports.

Compiled loops are kept on disk unless ``EVENTSIM_CACHE=0``, under a name that holds the `fingerprint` of all sources
that they are made of: an edited source, or another version, is compiled anew and never meets old machine code. Where
no folder can be written to, or a kept file is damaged, loops are compiled again, and a warning says so, once each.
"""

from eventsim._jit.borrowing import borrowed
from eventsim._jit.marks import CACHE, INTERPRETED, MARKS, cache_folder, jitable, kernel, kernel_part, separate, whole
from eventsim._jit.report import CompileReport, compile_report
from eventsim._jit.sources import fingerprint

__all__ = [
    "CACHE",
    "INTERPRETED",
    "MARKS",
    "CompileReport",
    "borrowed",
    "cache_folder",
    "compile_report",
    "fingerprint",
    "jitable",
    "kernel",
    "kernel_part",
    "separate",
    "whole",
]
