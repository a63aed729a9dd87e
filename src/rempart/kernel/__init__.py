"""Money, periods, identifiers and error families: the words every other part uses. Refuses impossible values."""
