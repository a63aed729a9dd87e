"""Rights checks, quotes and offline numbers; presence and cards; services cut and given back.

Refuses an answer that no entry of the ledger holds.
"""
