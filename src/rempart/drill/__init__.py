"""January 2024 replayed against a running gateway, and measured against the known truth."""
