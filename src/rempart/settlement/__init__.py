"""Paying what was adjudicated: a journal that balances, remittances, calls for funds. Pure."""
