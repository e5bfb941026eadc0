"""The built-in soundtracks: scores as text, instruments of NumPy, a desk to mix on. Music and programs are CC0."""
