"""What roads have to carry, and how they fare."""
