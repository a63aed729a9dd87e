"""Arrow's functions on columns, without their types.

The stubs refuse plain values where a scalar is meant, which Arrow itself accepts everywhere.
Refuses nothing: it is only a name.
"""

from typing import Any, Final

import pyarrow.compute

pc: Final[Any] = pyarrow.compute
