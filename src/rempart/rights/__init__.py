"""Coverage, cards and engagements: is tiers payant open for this person, this care, this day?

Refuses to know the ledger: only a workflow decides and records, in one transaction.
"""
