"""Employers of collective contracts: who joins, who leaves, what they are called for.

Pure. Refuses names, identifiers and care: an employer's list holds its own numbers and dates.
"""
