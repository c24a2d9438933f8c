"""What makes a network: neuron models, ReLU readers, the TTFS mapping, verification."""

from eventsim.models import neurons
from eventsim.models.read_relu import read_relu
from eventsim.models.relu_network import ReluNetwork

__all__ = ["ReluNetwork", "neurons", "read_relu"]
