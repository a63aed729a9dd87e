"""The one door, for software: HTTP in, a durable ledger entry, then the answer.

Never searches, never lists.
"""
