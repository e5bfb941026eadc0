"""What people read, in each language: the catalogues, one folder per language, and dates and counts in words."""
