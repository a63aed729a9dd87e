"""libdmtx: reads symbols in tests, because another library (zxing-cpp) writes them."""

import importlib
import warnings

from PIL import Image

with warnings.catch_warnings():
    # It asks distutils for its version, which newer setuptools deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    _libdmtx = importlib.import_module("pylibdmtx.pylibdmtx")


def read_elsewhere(picture: Image.Image) -> str | None:
    """Return the text of the symbol on a picture, or None."""
    found = _libdmtx.decode(picture, max_count=1, timeout=10_000)
    return found[0].data.decode("ascii") if found else None
