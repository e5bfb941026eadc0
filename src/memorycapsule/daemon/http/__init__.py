"""Everything that the daemon answers over HTTP; `site.py` puts the folders together."""
