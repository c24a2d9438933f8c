"""What a fabric costs: ``.venv/bin/python benchmarks/fabric.py``.

Chains of hops of several lengths, in which every spike of a source passes every station: time a packet should grow by
the same amount with each hop. And the report of the digits on a mesh over all 400 images, from the network to the four
pictures of the how-to.
"""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import eventsim
from eventsim import fabric, hardware, models, viz
from eventsim.engines.fabric_records import SERVED
from eventsim.models import digits

HOPS = (1, 2, 4, 8, 16, 32)
PACKETS = 20_000
ROUNDS = 7


@dataclass(frozen=True)
class Chain(fabric.Transport):
    """Every spike passes `n_hops` stations, one after the other."""

    n_hops: int
    name = "chain"

    def fabric(self, net: eventsim.Network) -> fabric.Fabric:  # noqa: ARG002
        """Return the stations, and one route through all of them."""
        hop = fabric.Hop(self.n_hops - 1, core=0)
        for k in reversed(range(self.n_hops - 1)):
            hop = fabric.Hop(k, (hop,))
        stations = tuple(fabric.Station(f"hop {k}", service=1e-3) for k in range(self.n_hops))
        return fabric.Fabric(stations, ((hop,),), {"input": np.zeros(1, np.int64)})


def seconds_a_packet(n_hops: int) -> float:
    """Median over some rounds."""
    net = eventsim.Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0)
    net.connect("input", "cell", eventsim.Dense([[1e-6]]))
    times = eventsim.SpikeTimes([[np.arange(PACKETS) * 1e-2]])
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run = eventsim.simulate(net, times, transport=Chain(n_hops), until=PACKETS * 1e-2 + 1.0, threads=1)
        found.append((time.perf_counter() - started) / PACKETS)
        assert run.records.stations is not None
        assert run.records.stations[0, :, SERVED].tolist() == [PACKETS] * n_hops
    return statistics.median(found[1:])


def report() -> float:
    """Seconds for the report over 400 images, pictures included, compiled code on disk."""
    images = digits.test_images()[0]
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], time_unit=5e-6)
    placed = hardware.chip("mesh").place(net, "by_layer")
    started = time.perf_counter()
    ideal = eventsim.simulate(net, images)
    run = eventsim.simulate(net, images, transport=placed)
    found = hardware.report(run, ideal)
    str(found)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("timeline", "station_load", "waiting_histogram", "delivered_raster"):
            np.ravel(getattr(viz, name)(run))[0].figure.savefig(Path(folder) / f"{name}.png")
    print(found.statement)
    return time.perf_counter() - started


if __name__ == "__main__":
    for hops in HOPS:
        print(f"{hops:3} hops: {1e6 * seconds_a_packet(hops):8.3f} us a packet", flush=True)
    for _ in range(2):
        print(f"report of 400 images with pictures: {report():.1f} s", flush=True)
