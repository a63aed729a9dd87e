"""Reads the dated data files that come with the package.

Refuses to write, and to read anything else.
"""

import tomllib
from importlib.resources import files
from typing import Any


def load_data_file(name: str) -> dict[str, Any]:
    """Return the content of one TOML file of `tariffs/data`."""
    return tomllib.loads(files("rempart.tariffs").joinpath("data", name).read_text("utf-8"))
