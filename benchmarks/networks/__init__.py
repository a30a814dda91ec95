"""Networks whose weights may carry a leading task axis.

One batching doctrine everywhere: a layer's weight is (in, out), shared by all tasks, or
(tasks, in, out), one matrix a task; inputs are (tasks, points, in) and a forward pass is one
batched matrix product. Tasks never touch each other. Pictures are (tasks, points, height, width,
channels), and the weight of a 3×3 convolution is (9 · channels, filters).
"""

from benchmarks.networks.builders import cnn4, mlp, parameter_count
from benchmarks.networks.convolution import convolve, patches, pool
from benchmarks.networks.layers import Convolution, Linear, Network, Normalise
from benchmarks.networks.normalisation import normalise

__all__ = [
    "Convolution",
    "Linear",
    "Network",
    "Normalise",
    "cnn4",
    "convolve",
    "mlp",
    "normalise",
    "parameter_count",
    "patches",
    "pool",
]
