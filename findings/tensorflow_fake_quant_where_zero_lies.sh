#!/usr/bin/env bash
# TensorFlow 2.21: `fake_quant_with_min_max_args` from -1 to 1 moves its range by half a step so that 0 is a level. The 0
# lies in the middle of two levels, so the rounding of float32 decides to which side: with 8 bits the levels are
# -127 … 128 steps, not -128 … 127 as exact arithmetic (a half upwards) has it; with 3, 4, 6, 8 and 12 bits there is
# one level less below 0 than above, with the other widths up to 16 one more. Who writes the quantizer of published TTFS
# networks again, in float64 or from its equations, gets other weights at both ends of the range.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import tensorflow as tf

assert tf.__version__ == "2.21.0"
x = np.linspace(-2, 2, 4001, dtype=np.float32)
below = {}
for bits in range(2, 17):
    made = tf.quantization.fake_quant_with_min_max_args(x, min=-1.0, max=1.0, num_bits=bits).numpy()
    step = 2 / (2**bits - 1)
    below[bits] = round(-float(made.min()) / step)
    print(f"{bits:2} bits: {-below[bits]} … {round(float(made.max()) / step)} steps")
fewer = [bits for bits, count in below.items() if count == 2 ** (bits - 1) - 1]
assert fewer == [3, 4, 6, 8, 12], fewer
assert all(count == 2 ** (bits - 1) for bits, count in below.items() if bits not in fewer)
PYTHON
