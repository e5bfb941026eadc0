"""
Configuration: frozen settings, read once and passed on.

`load` reads them from flags, environment, secret files and config.toml. `Settings` declares them. `example_toml` and
`write_config` write a commented file for people to edit.
"""

from memorycapsule.config.example import change_config, example_toml, write_config
from memorycapsule.config.sections import bytes_of, pixels_of
from memorycapsule.config.settings import Settings
from memorycapsule.config.sources import load, usual_config_file

__all__ = [
    "Settings",
    "bytes_of",
    "change_config",
    "example_toml",
    "load",
    "pixels_of",
    "usual_config_file",
    "write_config",
]
