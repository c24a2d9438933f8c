"""Linear maps that are joined are the maps one after the other, and stay convolutions where they can."""

from typing import Any

import numpy as np
import pytest

from eventsim import Conv, Dense, InputError, NetworkError, OneToOne, Pool, Sparse, models
from eventsim.models.nir.nir_maps import Map, conv_map

RNG = np.random.default_rng(0)


def whole(*shape: int) -> np.ndarray:
    """Whole numbers, whose sums and products are exact."""
    return RNG.integers(-4, 5, shape).astype(float)


def plain(kind: Any, shape: tuple[int, ...]) -> Map:
    """The map of a projection."""
    if isinstance(kind, Conv | Pool):
        return conv_map(kind, shape)
    n = int(np.prod(shape))
    return Map(shape, (kind.weights.shape[0],) if isinstance(kind, Dense) else shape, kind) if n else Map(shape, shape)


CONVS = [
    (Pool((2, 2)), Conv(whole(3, 2, 3, 3), padding=1), True),  # padding of what tiles is padding of the tiles
    (Pool((2, 2)), Conv(whole(3, 2, 3, 3)), True),
    (Pool((3, 3), stride=1), Conv(whole(3, 2, 2, 2), padding=1), False),  # padding sees half a field
    (Pool((2, 2), padding=1), Conv(whole(4, 2, 1, 3), stride=2), True),
    (Conv(whole(4, 2, 3, 2), padding=1), Pool((2, 2)), True),
    (Conv(whole(4, 1, 3, 3), groups=2), Pool((2, 3)), True),
    (Conv(whole(4, 2, 2, 2), stride=2, dilation=2), Conv(whole(2, 4, 2, 2), dilation=2), True),
    (Conv(whole(4, 2, 2, 2)), Conv(whole(2, 2, 2, 2), groups=2), False),  # groups that do not go together
    (Conv(whole(4, 2, 3, 3), padding=1), Conv(whole(2, 4, 3, 3), padding=1), False),
    (Pool((2, 2)), Conv(whole(4, 1, 3, 3), groups=2, padding=((1, 0), (0, 1))), True),
    (Pool((2, 2)), Pool((2, 2)), True),
    (Pool((3, 5)), Conv(whole(3, 2, 3, 3), padding=1), False),  # 8 and 13 are no multiples: a rest would be seen
]


@pytest.mark.parametrize(("first", "second", "stays"), CONVS)
def test_two_convolutions_are_one_where_that_is_exact(first: Any, second: Any, stays: bool) -> None:
    shape = (2, 8, 12)
    one = plain(first, shape)
    two = plain(second, one.post)
    joined = one.then(two)
    assert isinstance(joined.projection(), Conv) == stays
    for _ in range(3):
        x = whole(192)
        assert joined.apply(x).tolist() == two.apply(one.apply(x)).tolist()


@pytest.mark.parametrize("first", [Pool((2, 2)), Conv(whole(3, 2, 3, 3)), Dense(whole(192, 192)), OneToOne(whole(192))])
@pytest.mark.parametrize("second", [Dense, OneToOne, Conv, Pool])
def test_maps_of_different_kinds_are_joined(first: Any, second: Any) -> None:
    one = plain(first, (2, 8, 12))
    n = int(np.prod(one.post))
    made: dict[str, Any] = {"Dense": Dense(whole(7, n)), "OneToOne": OneToOne(whole(n)), "Pool": Pool((2, 2))}
    if second in (Conv, Pool) and len(one.post) != 3:
        one = Map(one.pre, (2, 8, 12), one.kind)
    kind = made.get(second.__name__) or Conv(whole(3, one.post[0], 2, 2), padding=1)
    two = Map(one.post, (7,), kind) if second is Dense else plain(kind, one.post)
    x = whole(192)
    assert one.then(two).apply(x).tolist() == two.apply(one.apply(x)).tolist()
    assert isinstance(one.then(two).projection(), Dense | Conv | Sparse | OneToOne | Pool)


def test_factors_of_channels_stay_in_the_kernel_and_others_do_not() -> None:
    conv = conv_map(Conv(whole(4, 1, 3, 3), padding=1, groups=2), (2, 5, 5))
    by_channel, each = np.repeat([2.0, 3.0, 4.0, 5.0], 25), np.arange(1.0, 101.0)
    x = whole(50)
    for gain, stays in ((by_channel, True), (each, False)):
        found = conv.times(gain)
        assert found.apply(x).tolist() == (conv.apply(x) * gain).tolist()
        assert isinstance(found.projection(), Conv) == stays
    assert conv.times(np.ones(100)) is conv
    before = Map((2, 5, 5), (2, 5, 5), OneToOne(np.repeat([2.0, -1.0], 25))).then(conv)
    assert isinstance(before.projection(), Conv)
    assert before.apply(x).tolist() == conv.apply(x * np.repeat([2.0, -1.0], 25)).tolist()


def test_a_matrix_of_zeros_mostly_is_a_list_of_synapses() -> None:
    weights = np.zeros((4, 5))
    weights[[0, 2, 3], [1, 1, 4]] = 1.0, 2.0, 3.0
    found = Map((5,), (4,), Dense(weights)).projection()
    assert isinstance(found, Sparse)
    assert (found.sources.tolist(), found.targets.tolist(), found.weights.tolist()) == ([1, 1, 4], [0, 2, 3], [1, 2, 3])


def test_a_kernel_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"kernel \(9, 9\) does not fit into \(2, 8, 12\)"):
        conv_map(Pool((9, 9)), (2, 8, 12))


# -- graphs are known by the names of their classes: nothing of nir is needed for what is in memory -------------------


def node(kind: str, **given: Any) -> Any:
    return type(kind, (), {})() if not given else type(kind, (), given)()


def test_a_graph_in_memory_is_read_without_nir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    one, zero = np.ones(2), np.zeros(2)
    graph = node(
        "NIRGraph",
        nodes={
            "in": node("Input", input_type={"input": np.array([3])}),
            "fc": node("Linear", weight=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
            "lif": node("LIF", tau=one * 4, r=one * 2, v_leak=zero, v_threshold=one, v_reset=zero),
        },
        edges=[("in", "fc"), ("fc", "lif")],
    )
    net = models.read_nir(graph, 1e-3)
    assert net.time_unit == 1e-3
    assert net.projections[0].kind.weights.tolist() == [[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]]  # R / tau of them
    assert [entry.tag for entry in models.nir_fidelity(graph)] == ["faithful"] * 2 + ["faithful except at equality"]
    with pytest.raises(InputError, match=r"read_nir: a file needs nir, .*eventsim\[nir\]"):
        models.read_nir("graph.nir", 1e-3)
    with pytest.raises(InputError, match="write_nir needs nir"):
        models.write_nir(net)
