"""Incidents: declared, worked in a room, persons exposed, clocks, authorities, insurers' packages.

Refuses to say who was exposed without an entry that says who asked.
"""
