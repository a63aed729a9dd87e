"""Whoever verifies payees in this installation, as the settings name it."""

import importlib

from rempart.exchange.payee_check import FakePayeeProvider, NoPayeeProvider, PayeeProvider
from rempart.kernel.errors import SetupError
from rempart.wiring.settings import Settings


def load_payee_provider(settings: Settings) -> PayeeProvider:
    """Return the provider that `payee_check` names: none, the fake one, or `module:function`.

    Raises:
        SetupError: the module has no such function, or what it returns is no provider.
    """
    if settings.payee_check == "none":
        return NoPayeeProvider()
    if settings.payee_check == "fake":
        return FakePayeeProvider()
    module, _, name = settings.payee_check.partition(":")
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as failure:
        raise SetupError(
            f"REMPART_PAYEE_CHECK={settings.payee_check}: {failure}; install it or correct this"
        ) from failure
    provider: PayeeProvider = make()
    if not callable(getattr(provider, "check", None)) or not isinstance(provider.name, str):
        raise SetupError(
            f"REMPART_PAYEE_CHECK={settings.payee_check} returned no PayeeProvider: "
            "it needs a name and check(iban, payee_name)"
        )
    return provider
