"""A deployment on several machines, rehearsed on one: `python -m bench deployment`, as root.

Machines are network namespaces. Everything in them is real: PostgreSQL under Patroni, etcd, two
installations of Rempart with a log each, a store that speaks S3. Each part is killed, or cut off,
under load; then what callers were told is looked for in the database.
"""
