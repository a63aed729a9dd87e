"""Organisations, people and software: invited, signed in, warned; what waits for each of them.

Refuses an act that the role of whoever asks does not allow.
"""
