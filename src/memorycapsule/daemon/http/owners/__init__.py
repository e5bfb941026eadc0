"""Pages of whoever owns a capsule: making it, its settings, its guests, its date."""
