"""Settings of a place of their own."""

import pytest

from memorycapsule import config


@pytest.fixture
def place(tmp_path):
    """Write config.toml, and load it with an environment of its own."""

    class Place:
        folder = tmp_path
        file = tmp_path / "etc" / "config.toml"
        secrets = tmp_path / "secrets"

        def write(self, text):
            self.file.parent.mkdir(exist_ok=True)
            self.file.write_text(text)

        def load(self, environment=None, **arguments):
            arguments.setdefault("config_file", self.file if self.file.exists() else None)
            return config.load(environment=environment or {}, docker_secrets=self.secrets, **arguments)

    return Place()
