"""What holds for every request, whatever it asks for: sessions, limits, ranges, compression, forms."""
