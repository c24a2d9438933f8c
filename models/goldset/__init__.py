"""The gold set: small networks of every neuron model with their exact spike times, for this and any other simulator.

Relies on the file beside this one, which `tests/golden/goldset.py` made without eventsim. Used by ``eventsim goldset``.
`docs/reference/goldset.md` says what the file and a file of results hold.
"""

from eventsim.models.goldset.case_file import PATH, Case, Event, case, cases
from eventsim.models.goldset.check import Report, Verdict, check
from eventsim.models.goldset.results_file import Results, read_results, save_results
from eventsim.models.goldset.simulate_cases import network, simulate

__all__ = [
    "PATH",
    "Case",
    "Event",
    "Report",
    "Results",
    "Verdict",
    "case",
    "cases",
    "check",
    "network",
    "read_results",
    "save_results",
    "simulate",
]
