"""The bundle: the wrapping cloth that is untied before the title."""
