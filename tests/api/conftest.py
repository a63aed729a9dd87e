"""The gateway as its callers meet it."""

from tests.api.asking import psc, publisher  # noqa: F401 - fixtures too
from tests.api.running import (  # noqa: F401 - fixtures are found by their names here
    clock,
    gateway,
    open_gateway,
    shared_gateway,
    shared_world,
    world,
)
