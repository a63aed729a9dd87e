"""Claims and prises en charge: taken, shared out, made to wait, explained, disputed, undone.

Refuses to know whether an account is held: care goes on.
"""
