"""Rempart: tiers payant where a stolen account is worth almost nothing."""

__version__ = "0.1.0"
