"""What a file says of itself: when, by which camera and whether where."""
