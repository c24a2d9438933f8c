"""The room of hardware: chips, and where on them the neurons of a network live."""
