"""Another portal's logs in, persons exposed out; no server is needed.

Refuses to answer more surely than the logs allow.
"""
