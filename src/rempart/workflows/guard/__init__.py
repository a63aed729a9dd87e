"""The guard at work: look-ups judged, accounts held and given back, limits, canaries, alerts.

Refuses to touch claims, payments or pages of one's own.
"""
