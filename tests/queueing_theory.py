"""Closed forms of single queues, and intervals of simulated means to hold against them.

Poisson arrivals of rate `load` / service time, one server, first come first served; waiting is the time before service.

- Kleinrock, Queueing Systems I (1975), chapter 3: M/M/1; chapter 5: M/G/1 (Pollaczek and Khinchine), so M/D/1.
- Brun and Garcia, Analytical solution of finite capacity M/D/1 queues, J. Appl. Prob. 37 (2000), 1092-1098.
- Cobham, Priority assignment in waiting line problems, Operations Research 2 (1954), 70-76.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

# Every interval holds the true mean with this probability. Seeds are fixed: what has passed passes again.
CONFIDENCE = 0.99
N_BATCHES = 20


def md1_waiting(load: float, service: float) -> float:
    """Mean waiting time where every service takes the same time."""
    return service * load / (2 * (1 - load))


def mm1_waiting(load: float, service: float) -> float:
    """Mean waiting time where services are exponential, of mean `service`."""
    return service * load / (1 - load)


def mg1_waiting(load: float, services: Any) -> float:
    """Mean waiting time where the services given are equally likely (Pollaczek and Khinchine)."""
    mean, square = float(np.mean(services)), float(np.mean(np.square(services)))
    return load * square / (2 * mean * (1 - load))


def md1_finite(load: float, service: float, places: int) -> tuple[float, float]:
    """Share of arrivals lost, and mean waiting time of the others; of the `places` one is that in service."""
    b = [
        sum((-1) ** k / math.factorial(k) * (n - k) ** k * load**k * math.exp((n - k) * load) for k in range(n + 1))
        for n in range(places)
    ]
    loss = 1 - b[-1] / (1 + load * b[-1])
    return loss, service * (places - 1 - (sum(b) - places) / (load * b[-1]))


def priority_waiting(loads: list[float], service: float) -> list[float]:
    """Mean waiting time of each class, the first served first, none interrupted, every service of the same time."""
    residual = sum(loads) * service / 2
    before = np.cumsum([0.0, *loads])
    return [residual / ((1 - low) * (1 - high)) for low, high in pairwise(before)]


def interval(values: Any) -> tuple[float, float]:
    """Mean and half width of its confidence interval, by the means of consecutive batches of a stationary series."""
    means = np.asarray(values, dtype=float)[: len(values) // N_BATCHES * N_BATCHES].reshape(N_BATCHES, -1).mean(axis=1)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, N_BATCHES - 1)
    return float(means.mean()), float(quantile * means.std(ddof=1) / math.sqrt(N_BATCHES))
