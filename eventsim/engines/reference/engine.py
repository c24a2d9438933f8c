"""The reference engine's side of a call: its samples, one after another.

Relies on `sample`, which simulates one. Used by `simulate`.
"""

from typing import Any

from eventsim.engines.reference import standing
from eventsim.engines.reference.plan import Plan
from eventsim.engines.reference.sample import Sample
from eventsim.engines.sample_state import check_state
from eventsim.engines.task import Task
from eventsim.errors import SimulationError


def run_reference(task: Task, bar: Any) -> tuple[type[SimulationError], str] | None:
    """Simulate all samples of `task` one by one, fill its arrays; return the problem that ended the run, or None."""
    plan = Plan(task, 0)
    for row in range(task.inputs.n_samples):
        if task.acting_of(row) is not plan.acting:
            plan = Plan(task, row)
        sample = _new_sample(task, plan, row)
        try:
            bar.watch(row, sample.standing)
            sample.run()
        except SimulationError as problem:
            task.outputs.reached[row] = sample.now
            task.carry_over(row + 1)
            return type(problem), str(problem)
        finally:
            sample.keep()
            bar.finished(row, 1)
    return None


def _new_sample(task: Task, plan: Plan, row: int) -> Sample:
    """A sample at its beginning, or where an earlier run left it."""
    sample, state = Sample(task, plan, row), task.taken_up(row)
    if state is not None:
        check_state(state, task.frame(row))
        task.carry_records(row)
        standing.thaw(sample, state, task.fed, task.since(row))
    return sample
