"""Reads the dated data files that come with the package.

Refuses to write, and to read anything else.
"""

import tomllib
from importlib.resources import files
from typing import Any


def load_data_file(name: str, package: str = "rempart.tariffs") -> dict[str, Any]:
    """Return the content of one TOML file of a package's `data` folder."""
    return tomllib.loads(read_data_file(name, package))


def read_data_file(name: str, package: str = "rempart.tariffs") -> str:
    """Return the text of one file of a package's `data` folder, as it is written."""
    return files(package).joinpath("data", name).read_text("utf-8")
