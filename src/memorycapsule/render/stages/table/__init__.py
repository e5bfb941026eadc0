"""The table: photo cards laid on paper; the photo card theme."""
