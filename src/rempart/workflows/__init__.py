"""One folder per subject, one file per thing a person wants done in it.

Each checks, loads, decides, writes, records.

Receives an open transaction, never opens one.
"""
