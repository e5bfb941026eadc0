"""MemoryCapsule: a time capsule that a family really opens."""

__version__ = "0.1.0"
