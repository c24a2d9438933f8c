"""Data by name or file, for training and judging: loaders of published formats, and batches.

``models.data.load("mnist-5k")`` returns a `DataSet`; docs/how-to/load-data.md shows how, docs/reference/data-sets.md
lists what there is. Nothing is ever fetched.
"""

from eventsim.models.data.epoch_order import batches
from eventsim.models.data.labelled_values import DataSet, LabelledValues
from eventsim.models.data.loading import load
from eventsim.models.data.yin_yang_sign import yin_yang

__all__ = ["DataSet", "LabelledValues", "batches", "load", "yin_yang"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
