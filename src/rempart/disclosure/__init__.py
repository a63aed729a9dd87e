"""The disclosure ledger's leaf, tree, notes and proofs.

Knows nothing of rights, and never touches a database.
"""
