"""A small witness (C2SP tlog-witness) that anybody may run against anybody's logs.

Knows nothing of Rempart's database, keys or settings: its state is one SQLite file and one key, on
a machine that is not the operator's. Imports the pure `disclosure` only.
"""
