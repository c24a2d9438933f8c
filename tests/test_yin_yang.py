"""The Yin-Yang data set: the published points bit for bit, and the sign's geometry."""

import hashlib
import math

import numpy as np
import pytest

from eventsim.errors import InputError
from eventsim.models import data
from eventsim.models.data.yin_yang_sign import class_of

# SHA-256 of the points and labels that the authors published, as little-endian float64 and int64
# (github.com/lkriener/yin_yang_data_set, publication_data/*.npy without their headers).
PUBLISHED = {
    (5_000, 42): (
        "f5a4054d56f2a058f8250fba7ff9720458e1625db7af78a295e45701745b2228",
        "534d12acda4f9dbc7208a99d3646115a4aa7d74ca31d6d23f822079a568559b7",
    ),
    (1_000, 41): (
        "5eac358bdf2122763dce3703a79f3005e56e46a4db25ec329a07333d0f7b8093",
        "5a4c2f605814a620f514c1091f10441ce562cd81e902ce701b3cf94ae7576f7d",
    ),
    (1_000, 40): (
        "7bab3ed668ed4992679cff6339fe21bfe7d0c921ddc6187eaa3bc6ef34b888d7",
        "daa0f8f4e3b37b1ddec2afee22f09afb768f0e575f3f568e7469f1ebc6af73c1",
    ),
}


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).hexdigest()


@pytest.mark.parametrize(("n", "seed"), PUBLISHED)
def test_the_published_points_are_made_bit_for_bit(n: int, seed: int) -> None:
    points = data.yin_yang(n, seed)
    assert (digest(points.values()), digest(points.labels)) == PUBLISHED[n, seed]


def test_by_name_the_published_points_are_there_and_others_by_size_and_seed() -> None:
    found = data.load("yin-yang")
    assert digest(found.train.values()) == PUBLISHED[5_000, 42][0]
    assert digest(found.test.values()) == PUBLISHED[1_000, 40][0]
    assert (found.shape, found.classes) == ((4,), ("yin", "yang", "dot"))
    other = data.load("yin-yang", sizes=(30, 20), seed=7)
    assert (len(other.train), len(other.test)) == (30, 20)
    np.testing.assert_array_equal(other.train.values(), data.yin_yang(100, 7).values()[:30])
    np.testing.assert_array_equal(other.test.values(), data.yin_yang(20, 5).values())
    np.testing.assert_array_equal(
        data.load("yin-yang", sizes=(1, 5), seed=1).test.values(), data.yin_yang(5, 2**32 - 1).values()
    )


def test_inputs_are_coded_four_times_and_classes_are_balanced() -> None:
    points = data.yin_yang(3_000, 5)
    x = points.values()
    np.testing.assert_array_equal(x[:, 2:], 1 - x[:, :2])
    assert ((x >= 0) & (x <= 1)).all()
    assert (np.hypot(x[:, 0] - 0.5, x[:, 1] - 0.5) <= 0.5 + 1e-15).all()
    # Three classes with equal chances: 4.75 standard deviations, p below 3e-6 for each.
    assert np.abs(np.bincount(points.labels, minlength=3) - 1_000).max() < 4.75 * math.sqrt(3_000 * 2 / 9)


def test_turning_the_sign_by_half_exchanges_yin_and_yang() -> None:
    random = np.random.default_rng(0)
    inside = [(x, y) for x, y in random.random((4_000, 2)).tolist() if math.hypot(x - 0.5, y - 0.5) < 0.5]
    exchanged = {0: 1, 1: 0, 2: 2}
    for x, y in inside:
        assert class_of(1 - x, 1 - y) == exchanged[class_of(x, y)]


def test_the_areas_are_those_of_the_sign() -> None:
    """Dots: 2 of radius 0.1. The rest is halved, as turning it shows. On a grid, to its fineness."""
    side = (np.arange(400) + 0.5) / 400
    found = [class_of(x, y) for x in side.tolist() for y in side.tolist() if math.hypot(x - 0.5, y - 0.5) < 0.5]
    area = np.bincount(found) / 400**2
    dots = 2 * math.pi * 0.1**2
    half = (math.pi / 4 - dots) / 2
    np.testing.assert_allclose(area, [half, half, dots], atol=2e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": -1, "seed": 0}, "n = -1; must be an integer in 0"),
        ({"n": 5, "seed": 2**32}, "seed = 4294967296"),
        ({"n": 5, "seed": 0, "dot_radius": 0.0}, "dot_radius = 0.0"),
        ({"n": 5, "seed": 0, "dot_radius": 0.3}, "dot_radius = 0.3"),
    ],
)
def test_numbers_that_make_no_sign_are_refused(options: dict, words: str) -> None:
    with pytest.raises(InputError) as caught:
        data.yin_yang(**options)
    assert words in str(caught.value)


def test_points_on_the_lines_have_the_class_that_the_published_rule_gives_them() -> None:
    """A dot is open, a half circle closed; numbers of few bits, so that they lie on the lines exactly."""
    assert class_of(0.375, 0.5, 0.125) == 0  # to the right of the left dot, on its edge
    assert class_of(0.25, 0.25) == 1  # on the left half circle, below
