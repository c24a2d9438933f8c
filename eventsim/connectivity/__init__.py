"""The room of networks by rules: who is connected with whom, and with which weights and delays, as arrays.

It knows no network: a population is a size here, or whatever has a shape and a name. Each draw is a function of the
seed, the names of both populations, and the neuron or the synapse that it is for, so that nothing depends on the order
in which synapses are made, on how many are made together, or on the machine.
"""
