"""Figures of runs and reports, one function and one file for each kind.

Each takes ``ax=None``, returns the axes that it drew on, and never shows anything. Without ``ax`` the figure is made
outside pyplot, so that it works without a display and leaves nothing behind: ``viz.raster(run).figure.savefig(path)``.
For a window: ``fig, ax = plt.subplots(); viz.raster(run, ax=ax); plt.show()``.
"""

from eventsim.viz.explanation import explanation
from eventsim.viz.membrane import membrane
from eventsim.viz.raster import raster
from eventsim.viz.rates import rates
from eventsim.viz.safe_windows import safe_windows
from eventsim.viz.spike_histogram import spike_histogram
from eventsim.viz.verification import verification

__all__ = ["explanation", "membrane", "raster", "rates", "safe_windows", "spike_histogram", "verification"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
