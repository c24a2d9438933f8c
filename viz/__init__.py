"""Figures of runs and reports, one function and one file for each kind.

Each takes ``ax=None``, returns the axes that it drew on, and never shows anything itself. Without ``ax`` it makes a
figure, of the size and with the fonts of ``matplotlib.rcParams``:

- in a notebook, ``viz.raster(run)`` as the last line of a cell is shown below it, once;
- in a script that has imported ``matplotlib.pyplot`` before, ``viz.raster(run); plt.show()`` opens a window;
- elsewhere pyplot is not even imported: ``viz.raster(run).figure.savefig(path)`` needs no display and leaves nothing
  behind, however many figures a script makes.

With ``ax`` a figure is drawn into axes of your own, also small ones beside others: what it says stays inside its axes.
``title=`` and ``time=`` mean the same everywhere: another title, or none with ""; a stretch of time.
"""

from eventsim.viz.delivered_raster import delivered_raster
from eventsim.viz.explanation import explanation
from eventsim.viz.flips_by_layer import flips_by_layer
from eventsim.viz.floor_plan import floor_plan
from eventsim.viz.membrane import membrane
from eventsim.viz.moved_spikes import moved_spikes
from eventsim.viz.packet_path import packet_path
from eventsim.viz.raster import raster
from eventsim.viz.rates import rates
from eventsim.viz.safe_windows import safe_windows
from eventsim.viz.spike_histogram import spike_histogram
from eventsim.viz.station_load import station_load
from eventsim.viz.study_curve import study_curve
from eventsim.viz.study_map import study_map
from eventsim.viz.timeline import timeline
from eventsim.viz.training_curves import training_curves
from eventsim.viz.verification import verification
from eventsim.viz.waiting_histogram import waiting_histogram

__all__ = [
    "delivered_raster",
    "explanation",
    "flips_by_layer",
    "floor_plan",
    "membrane",
    "moved_spikes",
    "packet_path",
    "raster",
    "rates",
    "safe_windows",
    "spike_histogram",
    "station_load",
    "study_curve",
    "study_map",
    "timeline",
    "training_curves",
    "verification",
    "waiting_histogram",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
