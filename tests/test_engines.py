"""The gate between the engines: compiled, reference and the naive oracle do the same, bit for bit."""

import pytest
import strategies
from adapters import assert_equals_oracle, both_engines
from hypothesis import given, settings
from strategies import Case


@pytest.mark.engine_small
@given(strategies.dense_ttfs())
def test_dense_ttfs_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x), case.net, case.x)


@pytest.mark.engine_small
@given(strategies.recurrent_lif())
def test_recurrent_lif_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(strategies.clocked())
def test_clocked_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(strategies.mixed())
def test_mixed_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)
