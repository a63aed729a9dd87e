"""Jobs and services: which there are, what asks for one, what failed, what is up or down.

Refuses to do the work itself: `rempart.jobs` runs it.
"""
