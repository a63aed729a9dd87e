"""Simulators of the outside parties Rempart talks to, for development, tests and the demonstration.

Refuses to pass for the real thing: every page says what it is, and the people in it are invented.
"""
