"""January 2024 replayed against a running gateway over HTTP, and measured against the known truth."""
