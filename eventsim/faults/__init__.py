"""Faults, one file each, in the place where they act; the contracts are in `eventsim.faults.contract`."""

from eventsim.faults.arrival.read_noise import ReadNoise
from eventsim.faults.arrival.synaptic_failure import SynapticFailure
from eventsim.faults.contract import ArrivalFault, DeviceFault, EmissionFault, StateFault
from eventsim.faults.device.cmo_reram import CmoReRAM
from eventsim.faults.device.delay_variation import DelayVariation
from eventsim.faults.device.fake_quantization import FakeQuantization
from eventsim.faults.device.mismatch import Mismatch
from eventsim.faults.device.pcm import PCM
from eventsim.faults.device.power_of_two import PowerOfTwo
from eventsim.faults.device.reram import ReRAM
from eventsim.faults.device.stuck_at import StuckAt
from eventsim.faults.device.weight_noise import WeightNoise
from eventsim.faults.device.weight_quantization import WeightQuantization
from eventsim.faults.emission.clock import Clock
from eventsim.faults.emission.defects import AlwaysOn, Dead
from eventsim.faults.emission.jitter import Jitter
from eventsim.faults.emission.loss import SpikeLoss
from eventsim.faults.emission.spurious import Spurious
from eventsim.faults.emission.synchronised import Synchronised
from eventsim.faults.emission.time_bits import TimeBits
from eventsim.faults.making import manufacture
from eventsim.faults.presets import preset
from eventsim.faults.reach import applies_to, reaches
from eventsim.faults.state.complete_sum import CompleteSum
from eventsim.faults.state.fixed_point import FixedPoint
from eventsim.faults.state.leak import Leak
from eventsim.faults.state.refractory import Refractory
from eventsim.faults.state.saturation import Saturation
from eventsim.faults.text import read

__all__ = [
    "PCM",
    "AlwaysOn",
    "ArrivalFault",
    "Clock",
    "CmoReRAM",
    "CompleteSum",
    "Dead",
    "DelayVariation",
    "DeviceFault",
    "EmissionFault",
    "FakeQuantization",
    "FixedPoint",
    "Jitter",
    "Leak",
    "Mismatch",
    "PowerOfTwo",
    "ReRAM",
    "ReadNoise",
    "Refractory",
    "Saturation",
    "SpikeLoss",
    "Spurious",
    "StateFault",
    "StuckAt",
    "SynapticFailure",
    "Synchronised",
    "TimeBits",
    "WeightNoise",
    "WeightQuantization",
    "applies_to",
    "manufacture",
    "preset",
    "reaches",
    "read",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
