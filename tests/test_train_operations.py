"""The operations of the numpy backend against plain loops and formulas, in one slice and in many."""

from typing import Any

import numpy as np
import pytest

from eventsim.models.relu.sliding import Sliding
from eventsim.models.train import slices
from eventsim.models.train.numpy_operations import NumpyOperations

Array = np.ndarray[Any, Any]
OPS = NumpyOperations()
SLIDINGS = [
    ((5, 7), Sliding("here", (3, 3), 1, 1)),
    ((6, 5), Sliding("here", (2, 3), (2, 1), [(0, 1), (2, 0)])),
    ((7, 7), Sliding("here", (2, 2), 1, 0, (3, 2))),
    ((9,), Sliding("here", (3,), 2, 1)),
]
# Sums of at most some hundred terms of about 1, in another order.
NEAR = 1e-13


@pytest.fixture(params=["one slice", "many slices"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run a test with the usual slices, of which such small arrays need one, and with slices of a sample each."""
    if request.param == "many slices":
        monkeypatch.setattr(slices, "BYTES", 1)
    return request.param == "many slices"


def patches(x: Array, sliding: Sliding, fill: float) -> Array:
    """What lies under each tap, (n, channels, *positions, *kernel), tap by tap."""
    pads = [(0, 0), (0, 0), *sliding.padding]
    padded = np.pad(x, pads, constant_values=fill)
    positions = sliding.positions(x.shape[1:])
    found = np.empty((*x.shape[:2], *positions, *sliding.kernel))
    for place in np.ndindex(*positions):
        for tap in np.ndindex(*sliding.kernel):
            where = [p * s + t * d for p, s, t, d in zip(place, sliding.stride, tap, sliding.dilation, strict=True)]
            found[(slice(None), slice(None), *place, *tap)] = padded[(slice(None), slice(None), *where)]
    return found


@pytest.mark.parametrize(("n", "shape"), [(128, (8, 28, 28)), (7, (1 << 21,)), (1, (3,)), (0, (3,)), (100_000, ())])
def test_slices_hold_every_sample_once_and_fit(n: int, shape: tuple[int, ...]) -> None:
    """In order, with one sample at least."""
    found = slices.slices(n, shape, np.dtype(np.float32))
    assert [k for part in found for k in range(part.start, part.stop)] == list(range(n))
    longest = max(part.stop - part.start for part in found)
    assert longest <= max(1, -(-slices.BYTES // (4 * int(np.prod(shape, dtype=int)))))


@pytest.mark.parametrize(("positions", "sliding"), SLIDINGS, ids=lambda one: str(getattr(one, "kernel", one)))
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_and_their_transposes(
    many: bool, positions: tuple[int, ...], sliding: Sliding, groups: int
) -> None:
    """Sums over taps; <grad, conv x> is <transpose grad, x>, and linear in the weights alike."""
    draws = np.random.default_rng(0)
    x, weight = draws.normal(size=(5, 4, *positions)), draws.normal(size=(6, 4 // groups, *sliding.kernel))
    given, kept = OPS.conv(x, weight, sliding, groups)
    under = patches(x, sliding, 0.0)
    for unit in range(6):
        first = (unit * groups // 6) * (4 // groups)
        part = under[:, first : first + 4 // groups]
        axes: Any = ((1, *range(-len(sliding.kernel), 0)), tuple(range(weight.ndim - 1)))
        wanted = np.tensordot(part, weight[unit], axes)
        assert np.allclose(given[:, unit], wanted, rtol=0, atol=NEAR)
    grad: Any = draws.normal(size=given.shape)
    back = OPS.conv_to_input(grad, weight, sliding, groups, x.shape)
    to_weight = OPS.conv_to_weight(kept, grad, weight, sliding, groups)
    assert (back.shape, to_weight.shape) == (x.shape, weight.shape)
    for place in [(0, 0), (4, 3)]:
        one = np.zeros_like(x)
        one[place] = draws.normal(size=positions)
        assert (back * one).sum() == pytest.approx((grad * OPS.conv(one, weight, sliding, groups)[0]).sum(), rel=1e-11)
    for place in np.ndindex(weight.shape):
        one = np.zeros_like(weight)
        one[place] = 1.0
        assert to_weight[place] == pytest.approx((grad * OPS.conv(x, one, sliding, groups)[0]).sum(), abs=1e-12)


@pytest.mark.parametrize(("positions", "sliding"), SLIDINGS, ids=lambda one: str(getattr(one, "kernel", one)))
@pytest.mark.parametrize("signs", [1, -1, "by channel"])
def test_pools_choose_the_first_of_the_largest(
    many: bool, positions: tuple[int, ...], sliding: Sliding, signs: Any
) -> None:
    """Of whole numbers, so that equal ones are common; nothing outside counts."""
    draws = np.random.default_rng(1)
    x = draws.integers(-2, 3, (5, 2, *positions)).astype(np.float64)
    factors = np.array([1.0, -1.0]).reshape(2, *[1] * len(positions)) if signs == "by channel" else signs
    found, which = OPS.largest(x, sliding, factors)
    under = patches(factors * x, sliding, -np.inf).reshape(*found.shape, -1)
    assert np.array_equal(found, factors * under.max(axis=-1))
    assert np.array_equal(which, under.argmax(axis=-1))
    grad: Any = draws.normal(size=found.shape)
    back = OPS.largest_to_input(grad, which, sliding, x.shape)
    wanted = np.zeros((*x.shape[:2], *(n + sum(p) for n, p in zip(positions, sliding.padding, strict=True))))
    for place in np.ndindex(found.shape):
        tap = np.unravel_index(which[place], sliding.kernel)
        where = [p * s + t * d for p, s, t, d in zip(place[2:], sliding.stride, tap, sliding.dilation, strict=True)]
        wanted[(*place[:2], *where)] += grad[place]
    middle = [slice(p[0], p[0] + n) for p, n in zip(sliding.padding, positions, strict=True)]
    assert np.allclose(back, wanted[(slice(None), slice(None), *middle)], rtol=0, atol=NEAR)


def test_a_pool_of_more_taps_than_a_byte_counts() -> None:
    """The last of 289 is the largest."""
    x = np.arange(289.0).reshape(1, 1, 17, 17)
    found, which = OPS.largest(x, Sliding("here", (17, 17)), 1)
    assert (found.item(), which.item()) == (288.0, 288)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_cut_passes_nothing_back(many: bool, sign: int) -> None:
    """At 0 neither."""
    x = np.array([[-2.0, 0.0, 3.0], [1.0, -1.0, -0.0]])
    given, kept = OPS.rectify(x.copy(), sign)
    assert np.array_equal(given, sign * np.maximum(sign * x, 0))
    back = OPS.rectify_back(np.ones_like(x), kept)
    assert np.array_equal(back, (sign * x > 0).astype(float))


@pytest.mark.parametrize("shape", [(6, 3, 4, 5), (6, 3, 4), (30, 3)])
def test_normalising_is_its_formula(many: bool, shape: tuple[int, ...]) -> None:
    """Statistics, values, and gradients by the chain rule through them."""
    draws = np.random.default_rng(2)
    sums, grad = draws.normal(3.0, 2.0, shape), draws.normal(size=shape)
    gamma, shift = draws.normal(size=3), draws.normal(size=3)
    axes, spread = (0, *range(2, len(shape))), (slice(None), *[None] * (len(shape) - 2))
    given, mean, unbiased, tape = OPS.normalise(sums.copy(), gamma, shift, 1e-5)
    assert np.allclose(mean, sums.mean(axes), rtol=1e-13)
    assert np.allclose(unbiased, sums.var(axes, ddof=1), rtol=1e-12)
    root = np.sqrt(sums.var(axes) + 1e-5)
    normal = (sums - mean[spread]) / root[spread]
    assert np.allclose(given, gamma[spread] * normal + shift[spread], rtol=0, atol=1e-13)
    back, to_gamma, to_shift = OPS.normalise_back(grad.copy(), gamma, tape)
    assert np.allclose(to_gamma, (grad * normal).sum(axes), rtol=1e-12)
    assert np.allclose(to_shift, grad.sum(axes), rtol=1e-12)
    through = grad - grad.mean(axes)[spread] - normal * (grad * normal).mean(axes)[spread]
    assert np.allclose(back, (gamma / root)[spread] * through, rtol=0, atol=1e-12)


def test_one_value_has_no_variance() -> None:
    """0, and no division by 0."""
    given, mean, unbiased, _ = OPS.normalise(np.array([[3.0]]), np.ones(1), np.array([0.5]), 1e-5)
    assert (given.item(), mean.item(), unbiased.item()) == (0.5, 3.0, 0.0)
