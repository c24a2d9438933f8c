#!/usr/bin/env bash
# jaxsnn 0.3.0: `LIF` layers take any tau_mem and tau_syn, but the time of the next spike is that of a closed form for
# tau_mem = tau_syn or tau_mem = 2 tau_syn: the ratio is rounded to a whole number, and all above 2 are taken for 2, without
# a word. State and weights follow the given constants, so with others than these two ratios spikes are early, late, or at
# times at which the potential is far from the threshold.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check jaxsnn==0.3.0 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata
import math

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
from jaxsnn.event.modules import LIF, Linear, LIFParameters, Source
from jaxsnn.event.topology import Topology
from jaxsnn.event.types import Spike

assert importlib.metadata.version("jaxsnn") == "0.3.0"
weight = 8.0


def first_spike(tau_mem: float, tau_syn: float) -> float:
    """Of one neuron after one input at 0."""
    builder = Topology(t_max=100.0)
    neuron = LIFParameters(tau_mem=tau_mem, tau_syn=tau_syn, v_th=1.0, v_reset=-1000.0)
    builder.add({"in": Source(1), "to": Linear(pre_weights=jnp.array([[weight]])), "cell": LIF(1, 3, neuron)})
    builder.connect([("in", "to"), ("to", "cell")])
    initialise, apply = builder.done()
    whole = jnp.zeros((1, 1), dtype=int)
    spike = Spike(jnp.zeros((1, 1)), whole, jnp.zeros((1, 1)), whole, jnp.ones((1, 1), dtype=bool))
    found = apply({"in": spike}, initialise(jax.random.PRNGKey(0)))["cell"]
    return min(float(t) for t, own in zip(found.time[0], found.internal[0]) if own)


def potential(tau_mem: float, tau_syn: float, t: float) -> float:
    return weight * tau_syn / (tau_mem - tau_syn) * (math.exp(-t / tau_mem) - math.exp(-t / tau_syn))


seen = {}
for taus in ((10.0, 5.0), (15.0, 4.0), (15.0, 5.0), (12.0, 8.0)):
    t = first_spike(*taus)
    seen[taus] = potential(*taus, t)
    print(f"tau_mem, tau_syn = {taus}: spike at {t:.4f}, where the potential is {seen[taus]:.4f} (threshold 1)")
assert abs(seen[10.0, 5.0] - 1.0) < 1e-9
assert all(abs(seen[taus] - 1.0) > 0.03 for taus in ((15.0, 4.0), (15.0, 5.0), (12.0, 8.0))), seen
PYTHON
