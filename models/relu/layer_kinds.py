"""The kinds of layers that a ReLU network may have, by the name that files give them.

Used by `eventsim.models.relu.relu_network`; a new kind is a class and a line here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from eventsim.models.relu.batch_norm import BatchNorm
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.cut_layers import Clip, LeakyReLU
from eventsim.models.relu.join_layers import Add, Concat
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.relu_layers import Dense, Layer

KINDS = (Dense, Conv, MaxPool, AveragePool, Flatten, BatchNorm, LeakyReLU, Clip, Add, Concat)
LAYER_KINDS: Mapping[str, type[Layer]] = MappingProxyType({kind.kind: kind for kind in KINDS})
