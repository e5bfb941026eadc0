"""Pages of a person: home, sign-in, account, proving who one is."""
