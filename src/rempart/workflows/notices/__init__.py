"""What people are told of an incident: campaigns, e-mails, letters, public pages, answers.

Refuses an incomplete notice, and to send anybody two.
"""
