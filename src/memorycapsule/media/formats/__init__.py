"""What is particular to one format of photos: its structure, its quirks, and how much of a damaged file is shown."""
