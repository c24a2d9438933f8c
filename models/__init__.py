"""What makes a network: neuron models, ReLU readers, the TTFS mapping, verification, data to train on."""

from eventsim.models import data, neurons
from eventsim.models.checking.certificates import Certificates
from eventsim.models.checking.certify import certify
from eventsim.models.checking.report import VerificationReport
from eventsim.models.checking.sensitivities import Sensitivity
from eventsim.models.checking.sensitivity import sensitivity
from eventsim.models.checking.verify import verify
from eventsim.models.mapping.quantization import quantization_of
from eventsim.models.mapping.ttfs import to_ttfs
from eventsim.models.mapping.ttfs_parameters import ttfs_network
from eventsim.models.nir.nir_read import GraphFidelity, NodeFidelity, nir_fidelity, read_nir
from eventsim.models.nir.nir_write import write_nir
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.relu.quantizer import Quantizer
from eventsim.models.relu.relu_network import ReluNetwork

__all__ = [
    "Certificates",
    "GraphFidelity",
    "NodeFidelity",
    "Quantizer",
    "ReluNetwork",
    "Sensitivity",
    "VerificationReport",
    "certify",
    "data",
    "neurons",
    "nir_fidelity",
    "quantization_of",
    "read_nir",
    "read_relu",
    "sensitivity",
    "to_ttfs",
    "ttfs_network",
    "verify",
    "write_nir",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
