"""Studies: what clock, how many bits, how much mismatch a network takes, with error bars, in a file that survives."""

from eventsim.study.bisection import Bisection, Border
from eventsim.study.design import Grid, Points, Random
from eventsim.study.point import Point
from eventsim.study.results import Results, load_results
from eventsim.study.statistics import Band, band, mcnemar, wilson
from eventsim.study.study import Study
from eventsim.study.study_file import StudyFile, read_study

__all__ = [
    "Band",
    "Bisection",
    "Border",
    "Grid",
    "Point",
    "Points",
    "Random",
    "Results",
    "Study",
    "StudyFile",
    "band",
    "load_results",
    "mcnemar",
    "read_study",
    "wilson",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
