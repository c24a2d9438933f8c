"""Seconds of a chip in the unit of a network: decimals, rounded once."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import hardware
from eventsim.errors import InputError
from eventsim.hardware import in_seconds, in_units


@pytest.mark.parametrize(("seconds", "unit", "expected"), [
    (5e-9, 1e-3, 5e-6), (1e-3, 1e-3, 1.0), (0.0, 1e-9, 0.0), (4.1e-9, 1e-9, 4.1), (3e-9, 1e-6, 0.003),
])  # fmt: skip
def test_a_time_in_units_is_what_a_hand_would_write(seconds: float, unit: float, expected: float) -> None:
    net = eventsim.Network(time_unit=unit)
    assert in_units(net, seconds) == expected
    assert in_seconds(net, expected) == seconds


@given(digits=st.integers(1, 10**9), power=st.integers(-15, 3), unit_power=st.integers(-12, 0))
def test_decimals_are_divided_exactly(digits: int, power: int, unit_power: int) -> None:
    seconds, unit = float(Fraction(digits) * Fraction(10) ** power), float(Fraction(10) ** unit_power)
    exact = Fraction(digits) * Fraction(10) ** (power - unit_power)
    assert in_units(eventsim.Network(time_unit=unit), seconds) == float(exact)


def test_without_a_unit_of_time_there_is_one_error() -> None:
    for convert in (in_units, in_seconds):
        with pytest.raises(
            InputError, match=r"time_unit is None; must be the seconds of a unit of time.*time_unit=1e-3"
        ):
            convert(eventsim.Network(), 1.0)
    with pytest.raises(InputError, match="seconds = -1; must be >= 0, a finite number"):
        in_units(eventsim.Network(time_unit=1.0), -1)
    with pytest.raises(InputError, match="time = nan; must be a finite number"):
        in_seconds(eventsim.Network(time_unit=1.0), float("nan"))


@pytest.mark.parametrize(("seconds", "unit"), [(1.0, 5e-324), (1e308, 1e-6), (5e-324, 1e3), (1e-300, 1e30)])
def test_what_float64_does_not_hold_is_refused_and_neither_infinite_nor_nothing(seconds: float, unit: float) -> None:
    with pytest.raises(InputError, match=r"in_units: .* must be a number that float64 holds\. Give the network a unit"):
        in_units(eventsim.Network(time_unit=unit), seconds)
    with pytest.raises(InputError, match=r"in_seconds: a time of 1e\+300 .* must be a number that float64 holds"):
        in_seconds(eventsim.Network(time_unit=1e300), 1e300)


@given(digits=st.integers(1, 10**6), power=st.integers(-12, 0), speedup=st.sampled_from([1000.0, 0.1, 3.7, 1e4]))
def test_a_faster_second_is_rounded_once(digits: int, power: int, speedup: float) -> None:
    """1.1 ns of a chip whose neurons are ten times as fast as their models are 11 ns of these."""
    net = eventsim.Network(time_unit=1e-9)
    net.population("lif_delta", 1, "cells", tau_mem=10.0)
    seconds = float(Fraction(digits) * Fraction(10) ** power)
    chip = hardware.chip("mesh").replace({"time.speedup": speedup})
    exact = Fraction(repr(seconds)) * Fraction(repr(speedup)) * 10**9
    assert chip.place(net).wiring(net).units(seconds) == float(exact)
