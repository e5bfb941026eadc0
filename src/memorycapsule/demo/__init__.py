"""The demonstration: a capsule's whole life, played with drawn pictures."""
