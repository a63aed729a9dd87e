"""All SQL and the only door to data: the embedded cluster, roles, migrations, queries.

Imported by workflows and wiring only.
"""
