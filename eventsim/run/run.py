"""The result of `simulate`, and runs as files.

Relies on what was recorded (`recorded`), on the exports, the summary and the archive. Used by `simulate`, verification,
pictures and the command line. A run can be saved and loaded without the network.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import InputError
from eventsim.files.archive import read_archive, write_archive
from eventsim.network.network import Network
from eventsim.run.export import ExportedRun
from eventsim.run.provenance import simulated
from eventsim.run.run_file import ARRAYS, FILE_FORMAT, FILE_VERSION, run_fields
from eventsim.table import Table

if TYPE_CHECKING:
    from eventsim.run.latency import Latency


class Run(ExportedRun):
    """The result of `eventsim.simulate`.

    A run can be pickled, as `multiprocessing`, joblib and Dask do, and so can the error that carries one. Recordings
    that are on disk take memory then; to send one that is larger, `save` it and send the path.

    Attributes
    ----------
    populations
        Names of sources and populations, in creation order; spikes refer to them by position.
    sizes, shapes
        Number of neurons of each, and their shape.
    n_samples
        Number of samples simulated.
    counters
        Totals (events, synaptic_events, visited, spikes, premature, late, clipped, tangent, …), and the same
        ``by_population``.
    provenance
        Versions, source fingerprint, seed, network hash, engine, faults, transport.
    complete
        False where the run ended early (error, budget).
    """

    def summary(self, sample: int | None = None) -> Table:
        """What each source and population did, as a table with a row each.

        Columns: population; neurons; spikes; spikes a neuron (and sample); rate, in Hz where the network has a
        `time_unit` and else per unit of time, as the column's name says; CV, the standard deviation of a neuron's
        intervals (over their number) by their mean, averaged over the neurons (and samples) that have two intervals or
        more; the first, the median and the last spike of all; latency, of the first spike behind the window's t_min;
        premature and late, as they are counted. Times are in the unit of the network.

        A cell is empty, None in a row and NaN in `Table.to_pandas`, where it cannot be known: the rate where nothing
        ended the samples (``until=None``); CV where no neuron has two intervals; times where there is no spike; the
        latency without a window. Of a population of which first spikes alone were recorded, what needs all spikes is
        known where as many were counted as there are first ones, in one sample and in all; without a recording only
        counts over all samples are. Late inputs are counted over all samples: those of one are known where there is one
        sample, or no late input. Samples that the run ended before are left out; of one of them nothing is known.

        Parameters
        ----------
        sample
            Which sample; None takes all.

        Raises
        ------
        InputError
            A sample that the run does not have.

        Notes
        -----
        Cost: O(n log n) in the spikes, a few seconds for 10^7; mapped recordings are read once. Held by
        tests/test_summary.py against plain loops.
        """
        from eventsim.run.summary import summary

        return summary(self, sample)

    def latency(self) -> "Latency":
        """What became of the packets of a run with a transport: how late they were, where they waited.

        Layer by layer when spikes are emitted and delivered, how many packets came too late for what they reach, were
        lost, or overtook each other; station by station how busy it was, how packets waited in front of it, how often
        it was blocked. ``print(run.latency())`` shows it.

        Raises
        ------
        InputError
            A run without a transport, or one that kept no log; a transport whose class is not loaded.

        Notes
        -----
        Which layers packets are too late for is known where the network is: of a run from a file, give it to
        `load_run`. Cost: O(n log n) in the records of the log, about three seconds for 10^6. Held by
        tests/test_latency.py against plain loops.
        """
        from eventsim.run.latency import latency

        return latency(self)

    def energy(self, prices: Any) -> Any:
        """What the run costs on a chip, as an `eventsim.hardware.Bill`: what it counted, times the chip's prices.

        Parameters
        ----------
        prices
            What has prices, ``eventsim.hardware.chip("loihi")``; the run need not have been simulated on it.

        Raises
        ------
        InputError
            No chip; a run that ended early.
        """
        if not hasattr(prices, "bill"):
            raise InputError(
                f"run.energy: prices is a {type(prices).__name__}; must be a chip, which has prices. Give "
                'eventsim.hardware.chip("loihi").'
            )
        return prices.bill(self)

    def save(self, path: str | Path) -> None:
        """Write the run as .npz (no pickle), replacing it atomically."""
        if self.records.exact_times is not None:
            raise InputError("run.save: an exact run holds Fractions; only float64 runs can be saved.")
        arrays = {name: array for name in ARRAYS if (array := getattr(self.records, name)) is not None}
        state = None if self.records.state is None else self.records.state.packed()
        header = {
            "format": FILE_FORMAT,
            "version": FILE_VERSION,
            "populations": self.populations,
            "shapes": [list(shape) for shape in self.shapes],
            "n_samples": self.n_samples,
            "counters": json.loads(json.dumps(self.counters, default=_number)),
            "provenance": json.loads(json.dumps(self.provenance, default=_number)),
            "windows": {name: None if w is None else [repr(float(t)) for t in w] for name, w in self.windows.items()},
            "complete": self.complete,
            "state": None if state is None else state[0],
        }
        write_archive(path, header, arrays if state is None else arrays | state[1])


def load_run(path: str | Path, network: Network | None = None) -> Run:
    """Read a run written by `Run.save`.

    Parameters
    ----------
    path
        The file, used as given.
    network
        The network that was simulated, or the one that faults made it of; only membrane potentials between events and
        thresholds need it.

    Raises
    ------
    FileFormatError
        A file that is corrupt, truncated, foreign, a pickle, or made by a newer version.
    InputError
        `network` is not the one that was simulated.
    """
    if network is not None and not isinstance(network, Network):
        raise InputError(
            f"load_run: network is a {type(network).__name__}; must be the Network that was simulated, or None. "
            "Load it with load_network."
        )
    header, arrays = read_archive(path, FILE_FORMAT, FILE_VERSION)
    run = Run(**run_fields(path, header, arrays))
    if network is not None and network.hash() != run.provenance.get("network_hash"):
        network = simulated(run.provenance, network)  # a device, where faults made it of this one
    several = run.provenance.get("made_from") == run.provenance.get("network_hash")  # each sample has a device
    run._network = None if several else network
    if network is not None and network.hash() != run.provenance.get("network_hash"):
        run._network = None
        raise InputError(
            f"{path}: this is a run of another network ({run.network_difference(network)}). Give the network that was "
            "simulated, or leave it out."
        )
    return run


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
