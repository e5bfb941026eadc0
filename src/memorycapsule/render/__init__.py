"""Montage plan and prepared pictures in, film out. Opens nothing else; knows no store, configuration or network."""
