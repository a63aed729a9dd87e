"""What people are told after an incident: notices assembled from facts, and what any notice lacks.

Pure: the same facts give the same text. Refuses to send, to keep, and to know who is exposed.
"""
