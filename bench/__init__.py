"""Benchmarks: each figure beside its baseline in the same run, ratios first."""
