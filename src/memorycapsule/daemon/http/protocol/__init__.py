"""The HTTP of every request, whatever page it is for: sessions, limits, ranges, compression, forms, problems."""
