"""Roads: the ways by which notifications leave besides mail."""
