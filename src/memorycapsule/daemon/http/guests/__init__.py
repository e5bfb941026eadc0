"""What guests need, all of it below /g/: a proxy may publish this alone. Nothing here knows the owners' pages."""
