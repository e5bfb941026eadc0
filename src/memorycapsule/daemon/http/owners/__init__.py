"""The pages of a capsule's owner: making it, its settings, its guests, its date."""
