"""The HTML of pages: templates, drawings and fonts."""
