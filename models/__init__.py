"""What makes a network: neuron models, ReLU readers, the TTFS mapping, verification."""

from eventsim.models import neurons
from eventsim.models.certificates import Certificates
from eventsim.models.certify import certify
from eventsim.models.nir_read import NodeFidelity, nir_fidelity, read_nir
from eventsim.models.nir_write import write_nir
from eventsim.models.read_relu import read_relu
from eventsim.models.relu_network import ReluNetwork
from eventsim.models.report import VerificationReport
from eventsim.models.ttfs import to_ttfs
from eventsim.models.ttfs_parameters import ttfs_network
from eventsim.models.verify import verify

__all__ = [
    "Certificates",
    "NodeFidelity",
    "ReluNetwork",
    "VerificationReport",
    "certify",
    "neurons",
    "nir_fidelity",
    "read_nir",
    "read_relu",
    "to_ttfs",
    "ttfs_network",
    "verify",
    "write_nir",
]
