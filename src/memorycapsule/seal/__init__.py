"""Sealing with age (https://c2sp.org/age): `envelopes` encrypts, `keys` keeps what opens it again."""
