"""Optional packages: imported when they are used, with an error that names the extra which installs them.

Relies on `eventsim.errors`. Used by what hands results over to other programs, and by what reads chips
and pictures.
"""

import importlib
from typing import Any

from eventsim.errors import InputError

# By package, the extra of eventsim that installs it.
EXTRAS = {
    "pandas": "pandas", "pyarrow": "parquet", "neo": "neo", "quantities": "neo", "nir": "nir", "jsonschema": "hardware",
    "PIL": "images",
}  # fmt: skip


def package(name: str, where: str) -> Any:
    """Return an optional package; InputError that names the extra to install where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{where} needs {name}, which is not installed ({error}); must be there. Install it with "
            f"pip install 'eventsim[{EXTRAS[name]}]'."
        ) from error
