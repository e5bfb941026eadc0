"""The desktop: windows on the screen of a small computer in 1998; the window theme."""
