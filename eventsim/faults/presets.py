"""Presets: faults that others have published, by name, with what they contain and where it is from.

Relies on the faults and on their text form. Used by `text.read`, studies and the command line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eventsim.checks import shown
from eventsim.errors import FaultError, listed, nearest
from eventsim.faults.contract import Fault
from eventsim.faults.device.fake_quantization import FakeQuantization
from eventsim.faults.device.published import (
    GOELTZ_THRESHOLD,
    alpha_mismatch,
    cmo_reram,
    goeltz_hwaware,
    pcm_hermes,
    pcm_single,
    reram_wan2022,
)
from eventsim.faults.emission.jitter import Jitter
from eventsim.faults.emission.time_bits import TimeBits


@dataclass(frozen=True)
class Preset:
    """Faults that belong together.

    Attributes
    ----------
    name
        By which it is known.
    source
        Where it is published.
    meaning
        What it contains, in one line.
    settings
        What may be set, by name, with the values that hold where nothing is given.
    make
        Returns the faults for such settings.
    """

    name: str
    source: str
    meaning: str
    settings: dict[str, Any]
    make: Callable[..., list[Fault]]

    def __str__(self) -> str:
        said = ", ".join(f"{name} = {value!r}" for name, value in self.settings.items())
        faults = "".join(f"\n  {fault!r}" for fault in self.make(**self.settings))
        return f"{self.name}: {self.meaning}\n  settings: {said or 'none'}\n  source: {self.source}{faults}"


def _stanojevic2023(sigma: float = 1e-3, sigma_alpha: float = 0.0) -> list[Fault]:
    return [*alpha_mismatch(sigma_alpha), Jitter(sigma, paper_compat=True, populations=None)]


def _stanojevic2024(sigma: float = 0.0, time_bits: int | None = None, weight_bits: int | None = None) -> list[Fault]:
    """The published code draws noise where a layer ends and rounds times where the next one begins."""
    faults: list[Fault] = [] if weight_bits is None else [FakeQuantization(weight_bits)]
    faults += [Jitter(sigma, paper_compat=True)]
    return faults if time_bits is None else [*faults, TimeBits(time_bits, populations="all")]


PRESETS: dict[str, Preset] = {
    one.name: one
    for one in (
        Preset(
            "stanojevic2023", "A. Stanojevic et al., Neural Networks 168 (2023), arXiv 2212.12522, robustness figure",
            "Gaussian noise on every spike time, silent neurons included, and on every alpha (of alpha1 networks)",
            {"sigma": 1e-3, "sigma_alpha": 0.0}, _stanojevic2023,
        ),
        Preset(
            "stanojevic2024", "A. Stanojevic et al., Nature Communications 15:6793 (2024), arXiv 2306.08744",
            "weights of few bits, Gaussian noise on every spike time, then times of few bits in each window; the "
            "published read-out rounds neither its weights nor its inputs: name projections and populations for that",
            {"sigma": 0.0, "time_bits": None, "weight_bits": None}, _stanojevic2024,
        ),
        Preset(
            "goltz_hwaware", "J. Göltz et al. 2021 and 2025 (fastAndDeep, chip-aware configuration)",
            "weights of 6 bits and a sign, threshold mismatch of a chip and of batches, jitter of delays, for a time "
            "constant tau and a threshold as the network has them; that every input is there five times is left to the "
            "network",
            {"tau": 1.0, "threshold": GOELTZ_THRESHOLD, "batch_size": 1, "parameter": "v_threshold"}, goeltz_hwaware,
        ),
        Preset(
            "pcm_single", "S. R. Nandakumar et al. 2019, as in aihwkit 1.1.0 (PCMLikeNoiseModel.apply_noise)",
            "differential pairs of phase-change devices: programming, drift and 1/f noise, each device by itself",
            {"t_inf": 0.0, "path": "pair", "compensate": None, "per": "chip"}, pcm_single,
        ),
        Preset(
            "pcm_hermes", "M. Le Gallo et al. 2023, as in aihwkit 1.1.0 (HermesNoiseModel)",
            "the phase-change devices of the Hermes chip, one or two for each sign of a weight",
            {"t_inf": 0.0, "devices": 2, "path": "pair", "compensate": None, "per": "chip"}, pcm_hermes,
        ),
        Preset(
            "reram_wan2022", "W. Wan et al. 2022, as in aihwkit 1.1.0 (ReRamWan2022NoiseModel)",
            "differential pairs of ReRAM devices after 1 s, a day or two days",
            {"t_inf": 1.0, "path": "pair", "g_max": 25.0}, reram_wan2022,
        ),
        Preset(
            "cmo_reram_ibm", "D. Falcone et al., as in aihwkit 1.1.0 (ReRamCMONoiseModel)",
            "one CMO/HfOx device a weight: programming, relaxation and 1/f noise",
            {"t_inf": 1.0, "acceptance": 0.2}, cmo_reram,
        ),
    )
}  # fmt: skip


def preset(name: Any, **settings: Any) -> list[Fault]:
    """Return the faults of a preset, with some of its settings changed.

    Raises
    ------
    FaultError
        An unknown preset or setting, with the nearest known name; a setting that a fault refuses.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise FaultError(
            f"faults: preset = {shown(name)}{nearest(name, PRESETS)}; must be one of {listed(sorted(PRESETS))}. Name "
            'one, or give a fault: {"fault": "jitter", "sigma": 0.01}.'
        )
    known = PRESETS[name]
    for key in settings:
        if key not in known.settings:
            raise FaultError(
                f"preset {name}: unknown setting {key!r}{nearest(key, known.settings)}; it takes "
                f"{listed(known.settings) or 'none'}. Choose among these."
            )
    try:
        return known.make(**{**known.settings, **settings})
    except (TypeError, OverflowError) as problem:  # of arithmetic with what is no number
        said = listed(f"{key} = {shown(value)}" for key, value in settings.items())
        raise FaultError(
            f"preset {name}: {said}: {problem}; must be such as the preset shows. Look at `eventsim info {name}`."
        ) from None
