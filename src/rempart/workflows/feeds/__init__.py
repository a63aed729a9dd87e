"""Insurers' feeds: prepared in worker processes, applied, published, swept of former members.

Refuses half a feed: all of it is shown, or nothing.
"""
