"""
Configuration: frozen settings, read once, passed on.

`load` gathers them from flags, environment, secret files and config.toml; `Settings` says what there is;
`example_toml` and `write_config` turn them back into a file that people can edit.
"""

from memorycapsule.config.example import example_toml, write_config
from memorycapsule.config.sections import bytes_of, pixels_of
from memorycapsule.config.settings import Settings
from memorycapsule.config.sources import load, usual_config_file

__all__ = ["Settings", "bytes_of", "example_toml", "load", "pixels_of", "usual_config_file", "write_config"]
