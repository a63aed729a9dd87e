"""Synthetic insurers, professionals and members, with identifiers no real person can hold. Deterministic."""
