"""What runs without anybody waiting for it: the worker, and what each kind of job does.

The queue is procrastinate's, in PostgreSQL. A job may be taken up twice (its worker was killed in
the middle): each ends in the same state however often it ran. Refuses to say of a failure anything
but its name and our own sentence.
"""
