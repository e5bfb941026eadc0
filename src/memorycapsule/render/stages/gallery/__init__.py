"""The gallery: pictures in frames on the walls of a museum; the museum theme."""
