"""Pages of a person: home, sign-in, account."""
