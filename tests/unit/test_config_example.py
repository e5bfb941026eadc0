"""The example file equals the settings, and a written file can be read again."""

import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule import config
from memorycapsule.config.settings import fields
from memorycapsule.errors import ConfigurationProblem

PROJECT = Path(__file__).parent.parent.parent


class TestExample:
    def test_the_committed_example_is_what_the_settings_say(self):
        """Written by `python -c "from memorycapsule import config; print(config.example_toml(), end='')"`."""
        assert (PROJECT / "config.example.toml").read_text(encoding="utf-8") == config.example_toml()

    def test_every_setting_is_in_it_and_off(self):
        text = config.example_toml()

        for key in fields():
            assert f"# {key.rpartition('.')[2]} = " in text
        assert all(value == {} for value in tomllib.loads(text).values())

    def test_switched_on_it_still_holds(self, place):
        """Whoever removes every # gets settings that load."""
        lines = config.example_toml().splitlines()
        settings = {key.rpartition(".")[2] for key in fields()}
        on = [line[2:] if line[2:].partition(" = ")[0] in settings else line for line in lines]
        place.write("\n".join(on))

        assert len([line for line in on if " = " in line and not line.startswith("#")]) == len(fields())
        assert place.load().smtp.host == "mail.example.org"

    def test_what_init_writes_is_read_again(self, place):
        values = {
            "locale": "ko",
            "smtp.host": "mail.example.org",
            "data_dir": place.folder / "data",
            "film.fps": 25,
        }

        config.write_config(place.file, values)

        settings = place.load()
        assert (settings.locale, settings.smtp.host, settings.film.fps) == ("ko", "mail.example.org", 25)
        assert settings.data_dir == place.folder / "data"
        assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
        assert [path.name for path in place.file.parent.iterdir()] == ["config.toml"]

    def test_a_file_is_never_overwritten(self, place):
        place.write("# mine")

        with pytest.raises(ConfigurationProblem) as refused:
            config.write_config(place.file, {})

        assert refused.value.reason == "config_there_already"
        assert place.file.read_text() == "# mine"

    def test_a_folder_that_cannot_be_is_named(self, place):
        (place.folder / "file").write_text("in the way")

        with pytest.raises(ConfigurationProblem) as refused:
            config.write_config(place.folder / "file" / "config.toml", {})

        assert refused.value.reason == "config_not_written"

    def test_a_name_that_is_no_setting_is_not_written(self, place):
        with pytest.raises(ConfigurationProblem) as refused:
            config.write_config(place.file, {"colour": "blue"})

        assert (refused.value.reason, refused.value.values) == ("setting_unknown_here", {"key": "colour"})
        assert not place.file.exists()

    @given(st.text(st.characters(codec="utf-8")))
    def test_any_text_survives_the_file(self, text):
        written = tomllib.loads(config.example_toml({"mail.sender_name": text}))

        assert written["mail"]["sender_name"] == text


def test_reading_settings_loads_nothing_heavy():
    script = "import sys, memorycapsule.config; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    ).stdout.split()

    assert "pydantic_settings" in loaded
    assert not {"cv2", "numpy", "fastapi", "sqlalchemy", "pyrage", "typer", "rich", "moviepy"} & set(loaded)


class TestOneSettingIsChanged:
    def test_in_a_file_that_has_it(self, place):
        place.write(
            '# mine\nblobs_url = "s3://old/place"  # for now\nzone = "Asia/Seoul"\n\n[smtp]\nhost = "mail.example.org"\n'
        )
        config.change_config(place.file, "blobs_url", "s3://family/capsule")

        settings = place.load()
        assert settings.blobs_url == "s3://family/capsule"
        assert (settings.zone, settings.smtp.host) == ("Asia/Seoul", "mail.example.org")
        assert place.file.read_text().startswith("# mine\n")

    def test_in_the_line_of_its_example(self, place):
        place.write(config.example_toml())
        config.change_config(place.file, "blobs_url", "s3://family/capsule")

        sample = '# blobs_url = "s3://family/capsule"'
        assert place.file.read_text() == config.example_toml().replace(sample, sample[2:])
        assert place.load().blobs_url == "s3://family/capsule"

    @pytest.mark.parametrize("before", ["", 'zone = "Asia/Seoul"', '[smtp]\nhost = "mail.example.org"\n'])
    def test_in_a_file_without_it_before_the_first_section(self, place, before):
        place.write(before)
        config.change_config(place.file, "blobs_url", "file:///srv/files")

        assert place.load().blobs_url == "file:///srv/files"
        assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
