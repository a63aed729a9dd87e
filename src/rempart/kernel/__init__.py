"""Money, periods, identifiers and error families: the words every other part uses.

Refuses impossible values: what was built once need not be checked again.
"""
