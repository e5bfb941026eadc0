"""The table: photo cards under a summer sky; the photo card theme."""
