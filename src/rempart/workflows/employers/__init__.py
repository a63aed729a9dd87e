"""Employers and their collective contracts: movements of staff, statements.

Refuses names and care: an employer reads and gives its own numbers and dates.
"""
