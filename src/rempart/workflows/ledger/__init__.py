"""The ledger: written in batches, asked on record, proved, audited, cosigned, sealed.

Refuses to read entries for people before the reading itself is on record.
"""
