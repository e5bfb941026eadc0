"""Notices: finding out what is wrong, and telling those who can do something about it."""
