"""A study on a Dask cluster of two workers, which are processes of their own: the same rows, and data sent once."""

from concurrent.futures import Executor

import pytest
from small_studies import study, told

from eventsim.study import load_results

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.references,
    # What a cluster leaves to be closed when it ends is its own affair.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def executor():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


def test_dask_gives_the_same_rows_and_sends_data_to_each_worker_once_or_twice(executor, tmp_path):
    assert isinstance(executor, Executor)
    design = {"jitter.sigma": [0.01 * k for k in range(20)]}
    results = study(design).run(tmp_path / "s.sqlite", executor=executor, jobs=2)
    assert told(results) == told(study(design).run(jobs=1)) == told(load_results(tmp_path / "s.sqlite"))
    assert len(results.tally.workers) == 2
    assert 2 <= results.tally.sent <= 4


def test_a_point_that_fails_on_a_cluster_is_recorded(executor):
    one = study({"network.fail": [False, True]}, network="small_studies:network", faults=(), seeds=1)
    results = one.run(executor=executor, jobs=2)
    assert [entry.state for entry in results.entries] == ["done", "failed"]


@pytest.mark.slow
def test_a_worker_of_a_cluster_that_dies_is_replaced_by_dask(executor, tmp_path):
    one = study({"network.die": ["", str(tmp_path)]}, network="small_studies:network", faults=(), seeds=1)
    results = one.run(executor=executor, jobs=2)
    assert [entry.state for entry in results.entries] == ["done", "done"]
