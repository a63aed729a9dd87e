"""Payments: runs closed and agreed to, sent, called for, reconciled; accounts paid on.

Refuses to send a run that one person alone decided.
"""
