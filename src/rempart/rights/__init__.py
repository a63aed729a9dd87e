"""Coverage, cards and engagements: is tiers payant open for this person, this care, this day? Knows nothing of the ledger."""
