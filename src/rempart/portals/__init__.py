"""The web for people: the professional portal and the operator's console.

A client of the gateway like any other: it has no private door to rights, and it never reads the
database but through workflows, with a transaction it is given.
"""
