"""From a ReLU network, or from spiking parameters, to the spiking network."""
