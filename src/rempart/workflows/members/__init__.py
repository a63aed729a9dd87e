"""What a member reads and asks: who saw their rights, their data, their messages.

Refuses an agent of their insurer any file but one asked for exactly, on record.
"""
