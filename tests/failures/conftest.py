"""A running gateway, to be broken."""

from tests.api.running import (  # noqa: F401 - fixtures are found by their names here
    clock,
    gateway,
    open_gateway,
    world,
)
