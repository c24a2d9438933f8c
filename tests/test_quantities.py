"""Physical values as text: exact, rounded once, and nothing but a number with a unit of the quantity."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.hardware.quantities import FREQUENCIES, QUANTITIES, parse, pattern, text_of

SCALES = {
    "time": {"s": 0, "ms": -3, "us": -6, "µs": -6, "ns": -9, "ps": -12, "fs": -15, "as": -18},
    "energy": {"J": 0, "mJ": -3, "uJ": -6, "nJ": -9, "pJ": -12, "fJ": -15, "aJ": -18},
    "power": {"kW": 3, "W": 0, "mW": -3, "uW": -6, "nW": -9, "pW": -12},
}
CASES = [(quantity, unit, power) for quantity, units in SCALES.items() for unit, power in units.items()]


@pytest.mark.parametrize(("quantity", "unit", "power"), CASES)
@given(whole=st.integers(0, 10**12), digits=st.text("0123456789", min_size=1, max_size=12))
def test_a_value_is_the_float_nearest_to_the_decimal(
    quantity: str, unit: str, power: int, whole: int, digits: str
) -> None:
    exact = Fraction(int(f"{whole}{digits}"), 10 ** len(digits)) * Fraction(10) ** power
    assert parse(f"{whole}.{digits} {unit}", quantity) == float(exact)


@given(whole=st.integers(1, 10**12))
@pytest.mark.parametrize(("unit", "power"), [("Hz", 0), ("kHz", 3), ("MHz", 6), ("GHz", 9)])
def test_a_frequency_is_its_period(unit: str, power: int, whole: int) -> None:
    assert parse(f"{whole} {unit}", "time") == float(Fraction(1, whole * 10**power))


def test_memory_is_counted_in_bits() -> None:
    values = {"1 bit": 1, "1 B": 8, "1 kB": 8000, "128 KiB": 128 * 8192, "2 Mbit": 2 * 10**6, "1 MiB": 8 * 2**20}
    assert {text: parse(text, "memory") for text in values} == values


WRONG = {
    "4.1": "it has no unit", "": "no number", "ns": "no number", "4.1 nz": "'nz' is no unit of time",
    "4.1 Ns": "'Ns' is no unit of time, did you mean 'ns'", "4,1 ns": "no number", "-4.1 ns": "no number",
    "+4 ns": "no number", "4.1  ns": "no number", " 4.1 ns": "no number", "4.1 ns ": "no number",
    "4.1 ns\n": "no number", "nan s": "no number",
    "inf s": "no number", "1e400 s": "float64 does not hold it", "1e-400 s": "float64 does not hold it",
    "1e9999999 s": "no number", "0x10 s": "no number", "1_000 ns": "no number", "4.1 pJ": "'pJ' is no unit of time",
    "0 Hz": "no period", "٣ s": "no number", "4. ns": "no number", ".5 ns": "no number", "5 min": "'min' is no unit",
    "1" * 60 + " s": "no number", "4.1 n s": "no number",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(WRONG[text])):
        parse(text, "time")


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_pattern_of_the_schema_passes_what_is_read(quantity: str) -> None:
    rule = re.compile(pattern(quantity))
    units = [*QUANTITIES[quantity].units, *(FREQUENCIES if quantity == "time" else ())]
    for unit in units:
        for number in ("4", "4.1", "4.1e-3", "0.25E+2"):
            assert rule.search(f"{number} {unit}")
            assert parse(f"{number}{unit}", quantity) == parse(f"{number} {unit}", quantity)
        assert not rule.search(f"{unit}")
    assert not [text for text in WRONG if rule.search(text) and text not in ("0 Hz", "4.1 pJ", "4.1 ns\n", "1e400 s",
                                                                            "1e-400 s", "1" * 60 + " s")]  # fmt: skip
    assert parse(QUANTITIES[quantity].example, quantity) > 0


@given(st.floats(1e-18, 1e11))
def test_what_is_shown_is_near_and_has_few_digits(value: float) -> None:
    shown = text_of(value, "s")
    number, unit = shown.split()
    power = SCALES["time"].get(unit, {"ks": 3, "Ms": 6, "Gs": 9}.get(unit))
    assert power is not None
    assert float(number) * 10.0**power == pytest.approx(value, rel=1e-3)
    assert 0.999 <= float(number) < 1000 or unit == "as"
