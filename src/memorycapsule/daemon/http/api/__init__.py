"""The API: what programs reach over HTTP, by the same services as the pages."""
