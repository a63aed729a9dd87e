"""What is kept until when: schedules, runs, purges, erasures, what is held beyond its time.

Refuses a run, a schedule or an erasure that one person alone decided.
"""
