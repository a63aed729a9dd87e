"""Backups: made, restored, and brought forward to every erasure made since.

Refuses to open a restored base before what was erased is erased again.
"""
