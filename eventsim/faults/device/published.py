"""Device faults that belong together as others have published them; what presets make.

Relies on the device faults. Used by `presets`. Every number is from the source that the preset names.
"""

from eventsim.faults.contract import Fault
from eventsim.faults.device.cmo_reram import CmoReRAM
from eventsim.faults.device.delay_variation import DelayVariation
from eventsim.faults.device.mismatch import Mismatch
from eventsim.faults.device.pcm import PCM
from eventsim.faults.device.reram import ReRAM
from eventsim.faults.device.weight_quantization import WeightQuantization

GOELTZ_THRESHOLD = 2.6  # in which the numbers below are given, as is the time constant 1
GOELTZ_MEAN, GOELTZ_FIXED, GOELTZ_BATCH = 0.13, 0.08, 0.04
GOELTZ_DELAY, GOELTZ_LARGEST, GOELTZ_BITS = 0.01, 2.1, 7  # 2.1 in steps of 1/30 are 63 of each sign


def goeltz_hwaware(
    tau: float = 1.0, threshold: float = GOELTZ_THRESHOLD, batch_size: int = 1, parameter: str = "v_threshold"
) -> list[Fault]:
    """Thresholds, delays and weights of the chip-aware training; `tau` and `threshold` are those of the network."""
    unit = threshold / GOELTZ_THRESHOLD
    return [
        WeightQuantization(GOELTZ_BITS, largest=GOELTZ_LARGEST * unit),
        Mismatch(parameter, sigma=GOELTZ_FIXED * unit, mean=GOELTZ_MEAN * unit),
        Mismatch(parameter, sigma=GOELTZ_BATCH * unit, per="batch", batch_size=batch_size),
        DelayVariation(GOELTZ_DELAY * tau, per_synapse=True, negative="zero", per="sample"),
    ]


def pcm_single(t_inf: float = 0.0, path: str = "pair", compensate: str | None = None, per: str = "chip") -> list[Fault]:
    """One differential pair of phase-change devices a weight."""
    return [PCM(t_inf, path=path, compensate=compensate, per=per)]


def pcm_hermes(
    t_inf: float = 0.0, devices: int = 2, path: str = "pair", compensate: str | None = None, per: str = "chip"
) -> list[Fault]:
    """The Hermes chip, with one or two devices for each sign."""
    return [PCM(t_inf, f"hermes{devices}", path, compensate, per=per)]


def reram_wan2022(t_inf: float = 1.0, path: str = "pair", g_max: float = 25.0) -> list[Fault]:
    """One differential pair of ReRAM devices a weight."""
    return [ReRAM(t_inf, g_max, path)]


def cmo_reram(t_inf: float = 1.0, acceptance: float = 0.2) -> list[Fault]:
    """One CMO/HfOx device a weight."""
    return [CmoReRAM(t_inf, acceptance)]


def alpha_mismatch(sigma: float) -> list[Fault]:
    """The slopes alpha of Stanojevic et al. 2023, drawn once a neuron; none where sigma is 0."""
    return [Mismatch("alpha", sigma)] if sigma else []
