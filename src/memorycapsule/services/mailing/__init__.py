"""Mailing: letters are composed when they are sent, and go from the outbox to the mail server."""
