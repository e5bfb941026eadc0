"""From templates, catalogues and drawings to the HTML of a page."""
