"""One file per thing a person wants done: check, load, decide, write, record.

Receives an open transaction, never opens one.
"""
