"""Settings: the strongest source wins, each value knows its origin, and every mistake gets one sentence."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from memorycapsule import config
from memorycapsule.cli.commands.maintenance import config_warnings
from memorycapsule.config import Settings
from memorycapsule.config.settings import fields
from memorycapsule.errors import ConfigurationProblem, NotInitialised, UsageProblem
from support.sentences import sentence


def problem(place, environment=None, **arguments):
    """Return the one sentence that is raised."""
    with pytest.raises(ConfigurationProblem) as raised:
        place.load(environment, **arguments)
    said = sentence(raised.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert "pydantic" not in said
    assert "validation error" not in said
    return said


def test_each_source_beats_the_next(place):
    """Flags, variables, named files, credentials, Docker secrets, config.toml, default: taken away one by one."""
    place.write('[smtp]\nhost = "from-toml"')
    place.secrets.mkdir()
    (place.secrets / "smtp_host").write_text("from-docker\n")
    credentials = place.folder / "credentials"
    credentials.mkdir()
    (credentials / "smtp_host").write_text("from-systemd\n")
    named = place.folder / "host"
    named.write_text("from-file\n")
    environment = {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "CAPSULE_SMTP__HOST_FILE": str(named),
        "CAPSULE_SMTP__HOST": "from-variable",
    }

    found = [(place.load(environment, overrides={"smtp.host": "from-flag"}))]
    found.append(place.load(environment, overrides={"smtp.host": None}))
    del environment["CAPSULE_SMTP__HOST"]
    found.append(place.load(environment))
    del environment["CAPSULE_SMTP__HOST_FILE"]
    found.append(place.load(environment))
    del environment["CREDENTIALS_DIRECTORY"]
    found.append(place.load(environment))
    (place.secrets / "smtp_host").unlink()
    found.append(place.load(environment))
    place.write("")
    found.append(place.load(environment))

    assert [(settings.smtp.host, settings.origins["smtp.host"]) for settings in found] == [
        ("from-flag", "flag"),
        ("from-variable", "environment CAPSULE_SMTP__HOST"),
        ("from-file", f"file {named} (CAPSULE_SMTP__HOST_FILE)"),
        ("from-systemd", f"file {credentials / 'smtp_host'}"),
        ("from-docker", f"file {place.secrets / 'smtp_host'}"),
        ("from-toml", str(place.file)),
        (None, "default"),
    ]


def test_the_instance_key_itself_may_come_as_a_credential(place):
    credentials = place.folder / "credentials"
    credentials.mkdir()
    key = credentials / "instance.key"
    key.write_text("AGE-SECRET-KEY-...")
    place.write('key_file = "elsewhere.key"')

    settings = place.load({"CREDENTIALS_DIRECTORY": str(credentials)})
    named = place.load({"CREDENTIALS_DIRECTORY": str(credentials), "CAPSULE_KEY_FILE": "/etc/that.key"})

    assert (settings.key_file, settings.origins["key_file"]) == (key, f"file {key}")
    assert str(named.key_file) == "/etc/that.key"


def test_settings_of_one_section_come_from_several_sources_together(place):
    place.write("[daemon]\nport = 1234\nheartbeat_seconds = 2.5")

    settings = place.load({"CAPSULE_DAEMON__HOST": "0.0.0.0"}, overrides={"daemon.port": 0})

    assert (settings.daemon.host, settings.daemon.port, settings.daemon.heartbeat_seconds) == (
        "0.0.0.0",
        0,
        2.5,
    )


def test_every_value_has_an_origin(place):
    settings = place.load()

    assert set(settings.origins) == set(settings.shown()) == set(fields())


def test_without_any_source_everything_has_its_default(place):
    settings = place.load()
    home = Path(os.environ["XDG_DATA_HOME"])

    assert settings.data_dir == home / "memory-capsule"
    assert settings.key_file == Path(os.environ["XDG_CONFIG_HOME"]) / "memory-capsule" / "instance.key"
    assert settings.config_file == config.usual_config_file()
    assert settings.store_url == f"sqlite:///{home}/memory-capsule/capsule.db"
    assert settings.database_path == home / "memory-capsule" / "capsule.db"
    assert settings.public_base_url == "http://127.0.0.1:8484"
    assert (settings.locale, settings.log_format, settings.mail_is_real) == ("en", "auto", False)
    assert (
        settings.mailbox_dir.parent
        == settings.blobs_lock.parent
        == settings.work_dir.parent
        == settings.data_dir
    )


def test_settings_never_change(place):
    settings = place.load()

    with pytest.raises(ValidationError, match="frozen"):
        settings.locale = "ko"
    with pytest.raises(ValidationError, match="frozen"):
        settings.daemon.port = 1
    with pytest.raises(TypeError):
        settings.origins["locale"] = "me"


def test_made_directly_nothing_is_read_from_outside(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", "/elsewhere")
    monkeypatch.setenv("LOCALE", "ko")

    settings = Settings(data_dir=tmp_path / "data", key_file=tmp_path / "instance.key")

    assert settings.data_dir == tmp_path / "data"
    assert settings.locale == "en"


class TestFiles:
    def test_the_variable_names_the_file_and_the_flag_beats_it(self, place):
        place.write('locale = "ko"')
        other = place.folder / "other.toml"
        other.write_text('locale = "en"')

        assert place.load({"CAPSULE_CONFIG": str(place.file)}, config_file=None).locale == "ko"
        assert place.load({"CAPSULE_CONFIG": str(place.file)}, config_file=other).locale == "en"

    def test_the_persons_own_file_is_found(self, place):
        config.write_config(config.usual_config_file(), {"locale": "ko"})

        assert place.load().locale == "ko"

    def test_a_named_file_that_is_missing_is_refused_unless_it_is_about_to_be_written(self, place):
        with pytest.raises(NotInitialised) as raised:
            place.load(config_file=place.file)

        assert (raised.value.reason, raised.value.values) == ("config_missing", {"file": place.file})
        assert "capsule init" in sentence(raised.value)
        settings = place.load(config_file=place.file, file_must_exist=False)
        assert settings.config_file == place.file
        assert settings.key_file == place.file.parent / "instance.key"

    def test_paths_in_the_file_are_relative_to_the_file(self, place):
        place.write('data_dir = "../data"\nkey_file = "~/secret.key"')

        settings = place.load()

        assert settings.data_dir.resolve() == place.folder / "data"
        assert settings.key_file == Path.home() / "secret.key"

    def test_paths_in_variables_are_relative_to_where_one_stands(self, place, monkeypatch):
        monkeypatch.chdir(place.folder)

        assert place.load({"CAPSULE_DATA_DIR": "data"}).data_dir == place.folder / "data"

    def test_an_empty_text_or_variable_is_nothing(self, place):
        place.write('public_url = ""\n[smtp]\nhost = ""')

        settings = place.load({"CAPSULE_ZONE": "", "CAPSULE_SMTP__HOST": ""})

        assert settings.public_url is None
        assert not settings.mail_is_real

    def test_a_byte_order_of_the_wrong_kind_is_named(self, place):
        place.write("")
        place.file.write_bytes(b"\xff\xfe\x00")

        assert str(place.file) in problem(place)

    def test_a_file_that_is_not_toml_names_the_line(self, place):
        place.write("[smtp]\nhost mail")

        said = problem(place)

        assert str(place.file) in said
        assert "line 2" in said

    @pytest.mark.parametrize("value", ["9" * 5000, "[" * 100_000])
    def test_a_file_whose_numbers_or_brackets_have_no_end_is_named(self, place, value):
        place.write(f"[daemon]\nport = {value}")

        assert str(place.file) in problem(place)

    def test_a_folder_instead_of_a_file_is_named(self, place):
        assert str(place.folder) in problem(place, config_file=place.folder)

    def test_a_secret_file_that_is_missing_is_named(self, place):
        said = problem(place, {"CAPSULE_SMTP__PASSWORD_FILE": "/nowhere/password"})

        assert "/nowhere/password" in said
        assert "CAPSULE_SMTP__PASSWORD_FILE" in said

    def test_secrets_of_others_are_left_alone(self, place):
        place.secrets.mkdir()
        (place.secrets / "postgres_password").write_text("not ours")
        (place.secrets / "zone").write_text("too common a word")
        (place.secrets / "CAPSULE_LOCALE").write_text("ko")

        settings = place.load()

        assert settings.locale == "ko"
        assert settings.zone != "too common a word"

    def test_the_key_file_is_a_setting_not_the_file_of_one(self, place):
        assert place.load({"CAPSULE_KEY_FILE": "/keys/a.key"}).key_file == Path("/keys/a.key")


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('locale = "fr"', ["`locale`", "“fr”", "one of en, ko"]),
            ("[daemon]\nport = 99999", ["`daemon.port`", "“99999”", "whole number from 0 to 65535"]),
            ('[daemon]\nport = "many"', ["`daemon.port`", "“many”", "whole number"]),
            ("[daemon]\nport = true", ["`daemon.port`", "not true or false"]),
            ("[daemon]\nhost = 5", ["`daemon.host`", "must be text"]),
            ("[daemon]\nhost = {a = 1}", ["`daemon.host`", "must be text"]),
            ("[daemon]\nheartbeat_seconds = 0", ["`daemon.heartbeat_seconds`", "number from 0.1 to 3600"]),
            ("cluster = 2", ["`cluster`", "one of true, false"]),
            ("[film]\nfps = 29.97", ["`film.fps`", "whole number from 10 to 60"]),
            ('[film]\nsize = "huge"', ["`film.size`", "1080p"]),
            ("data_dir = 5", ["`data_dir`", "a path"]),
            ('zone = "Mars/Olympus"', ["`zone`", "Asia/Seoul"]),
            ('store_url = "mysql://root:hunter2@db/x"', ["`store_url`", "postgresql+psycopg://"]),
            ('store_url = "postgres://root:hunter2@db/x"', ["`store_url`", "postgresql+psycopg://"]),
            ('store_url = "sqlite:///:memory:"', ["`store_url`", "sqlite:///FILE"]),
            ('public_url = "photos.example.org"', ["`public_url`", "https://"]),
            ('public_url = "https://x.org/?a=1"', ["`public_url`", "letters and digits at most"]),
            ('public_url = "https://x.org/가족"', ["`public_url`", "letters and digits at most"]),
            ('public_url = "https://x.org/a;Domain=b"', ["`public_url`", "letters and digits at most"]),
            ('public_url = "https://x.org//b"', ["`public_url`", "letters and digits at most"]),
            ('public_url = "https://x.org:port"', ["`public_url`", "https://"]),
            ('[mail]\nsender_address = "nobody"', ["`mail.sender_address`", "name@example.org"]),
            ('[mail]\nsender_name = "a\\nBcc: b@c"', ["`mail.sender_name`", "one line"]),
            ('[smtp]\nsecurity = "ssl"', ["`smtp.security`", "none, starttls, tls"]),
        ],
    )
    def test_a_wrong_value_names_setting_place_and_what_is_right(self, place, text, words):
        place.write(text)

        said = problem(place)

        for word in [*words, str(place.file)]:
            assert word in said
        assert "hunter2" not in said

    def test_a_wrong_variable_is_named(self, place):
        assert "environment CAPSULE_DAEMON__PORT" in problem(place, {"CAPSULE_DAEMON__PORT": "http"})

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[smtp]\nhots = "x"', ["`smtp.hots`", "did you mean smtp.host?"]),
            ('[mial]\nname = "x"', ["`mial`"]),
            ('datadir = "x"', ["`datadir`", "did you mean data_dir?"]),
            ('smtp = "mail.example.org"', ["`smtp`", "[smtp]"]),
        ],
    )
    def test_an_unknown_name_in_the_file_is_refused(self, place, text, words):
        place.write(text)

        said = problem(place)

        for word in [*words, str(place.file)]:
            assert word in said

    def test_an_unknown_variable_is_refused(self, place):
        said = problem(place, {"CAPSULE_SMTP_HOST": "mail.example.org"})

        assert "did you mean CAPSULE_SMTP__HOST?" in said

    def test_an_unknown_flag_is_refused(self, place):
        assert "`daemon.prot` (flag)" in problem(place, overrides={"daemon.prot": 1})

    def test_variables_that_are_no_settings_are_left_alone(self, place):
        place.write("")

        place.load(
            {
                "CAPSULE_TOKEN": "t",
                "CAPSULE_URL": "http://x",
                "CAPSULE_CONFIG": str(place.file),
                "CAPSULE_TEST_PHOTOS": "/photos",
                "CAPSULES": "5",
                "PATH": "/bin",
            }
        )

    @pytest.mark.parametrize(
        ("host", "is_taken"),
        [
            ("mail.example.org", False),
            ("192.168.1.5", False),
            ("localhost.example.org", False),
            ("localhost", True),
            ("127.0.0.1", True),
            ("::1", True),
        ],
    )
    def test_a_password_never_crosses_a_network_in_clear_text(self, place, host, is_taken):
        login = {
            "CAPSULE_SMTP__HOST": host,
            "CAPSULE_SMTP__SECURITY": "none",
            "CAPSULE_SMTP__USERNAME": "me",
            "CAPSULE_SMTP__PASSWORD": "hunter2",
        }
        if is_taken:
            assert place.load(login).smtp.username == "me"
        else:
            said = problem(place, login)
            assert "in clear text; set starttls or tls" in said
            assert "hunter2" not in said
        del login["CAPSULE_SMTP__USERNAME"], login["CAPSULE_SMTP__PASSWORD"]
        assert place.load(login).smtp.host == host

    def test_several_machines_need_a_postgres_and_a_mail_server(self, place):
        cluster = {"CAPSULE_CLUSTER": "true", "CAPSULE_SMTP__HOST": "mail.example.org"}
        postgres = {"CAPSULE_STORE_URL": "postgresql+psycopg://capsule@db/capsule"}

        assert "store_url must name a Postgres" in problem(place, cluster)
        assert "smtp.host must be set" in problem(place, {"CAPSULE_CLUSTER": "true"} | postgres)
        assert place.load(cluster | postgres).cluster

    def test_files_that_other_machines_do_not_see_are_warned_of(self, place):
        shared = {
            "CAPSULE_CLUSTER": "true",
            "CAPSULE_SMTP__HOST": "mail.example.org",
            "CAPSULE_STORE_URL": "postgresql+psycopg://capsule@db/capsule",
        }
        warning = "all machines see"

        assert any(warning in str(one) for one in config_warnings(place.load(shared)))
        shared["CAPSULE_BLOBS_URL"] = "file:///srv/blobs"
        assert not any(warning in str(one) for one in config_warnings(place.load(shared)))

    def test_half_a_login_is_refused(self, place):
        assert "smtp.password is not set" in problem(place, {"CAPSULE_SMTP__USERNAME": "me"})
        assert "smtp.username is not set" in problem(place, {"CAPSULE_SMTP__PASSWORD": "hunter2"})

    @pytest.mark.parametrize("key", ["data/instance.key", "data/keys/instance.key", "link/instance.key"])
    def test_a_key_inside_the_data_folder_is_refused(self, place, key):
        (place.folder / "data").mkdir()
        (place.folder / "link").symlink_to(place.folder / "data")

        said = problem(
            place,
            {"CAPSULE_DATA_DIR": str(place.folder / "data"), "CAPSULE_KEY_FILE": str(place.folder / key)},
        )

        assert "must not lie inside data_dir" in said


WITH_SECRETS = {
    "CAPSULE_SMTP__USERNAME": "me",
    "CAPSULE_SMTP__PASSWORD": "hunter2",
    "CAPSULE_STORE_URL": "postgresql+psycopg://capsule:correct-horse@db/capsule",
}


class TestSecrets:
    def test_nothing_that_is_shown_reveals_a_secret(self, place):
        settings = place.load(WITH_SECRETS)

        shown = f"{settings!r} {settings} {settings.shown()} {settings.origins}"

        assert "hunter2" not in shown
        assert "correct-horse" not in shown
        assert settings.shown()["store_url"] == "postgresql+psycopg://capsule:**********@db/capsule"

    def test_those_who_need_a_secret_get_it(self, place):
        settings = place.load(WITH_SECRETS)

        assert settings.smtp.password.get_secret_value() == "hunter2"
        assert "correct-horse" in settings.store_url
        assert settings.database_path is None
        assert not settings.is_sqlite

    def test_a_password_ends_where_its_line_ends(self, place):
        (place.folder / "password").write_text(" spaces count \n")

        settings = place.load(
            {"CAPSULE_SMTP__USERNAME": "me", "CAPSULE_SMTP__PASSWORD_FILE": str(place.folder / "password")}
        )

        assert settings.smtp.password.get_secret_value() == " spaces count "


class TestWhatFollows:
    @pytest.mark.parametrize(
        ("environment", "base", "is_loopback"),
        [
            ({}, "http://127.0.0.1:8484", True),
            ({"CAPSULE_DAEMON__HOST": "0.0.0.0"}, "http://127.0.0.1:8484", True),
            ({"CAPSULE_DAEMON__HOST": "::"}, "http://[::1]:8484", True),
            ({"CAPSULE_DAEMON__HOST": "192.168.1.5"}, "http://192.168.1.5:8484", False),
            ({"CAPSULE_PUBLIC_URL": "https://photos.example.org/"}, "https://photos.example.org", False),
            ({"CAPSULE_PUBLIC_URL": "https://example.org/a/b/"}, "https://example.org/a/b", False),
            ({"CAPSULE_PUBLIC_URL": "http://localhost:8484"}, "http://localhost:8484", True),
            ({"CAPSULE_PUBLIC_URL": "http://me.localhost"}, "http://me.localhost", True),
            ({"CAPSULE_PUBLIC_URL": "http://127.5.5.5"}, "http://127.5.5.5", True),
            ({"CAPSULE_PUBLIC_URL": "http://[::1]:80"}, "http://[::1]:80", True),
            ({"CAPSULE_PUBLIC_URL": "http://nas.local:8484"}, "http://nas.local:8484", False),
        ],
    )
    def test_mailed_links_begin_with(self, place, environment, base, is_loopback):
        settings = place.load(environment)

        assert settings.public_base_url == base
        assert settings.public_url_is_loopback == is_loopback

    @pytest.mark.parametrize(
        ("environment", "address"),
        [
            ({}, "capsule@localhost"),
            ({"CAPSULE_PUBLIC_URL": "https://photos.example.org/x"}, "capsule@photos.example.org"),
            ({"CAPSULE_PUBLIC_URL": "http://192.168.1.5"}, "capsule@localhost"),
            ({"CAPSULE_SMTP__USERNAME": "ada@example.org", "CAPSULE_SMTP__PASSWORD": "x"}, "ada@example.org"),
            ({"CAPSULE_SMTP__USERNAME": "ada", "CAPSULE_SMTP__PASSWORD": "x"}, "capsule@localhost"),
            ({"CAPSULE_MAIL__SENDER_ADDRESS": "post@example.org"}, "post@example.org"),
        ],
    )
    def test_letters_come_from(self, place, environment, address):
        assert place.load(environment).sender_address == address

    @pytest.mark.parametrize(
        ("security", "port"), [(None, 587), ("none", 25), ("starttls", 587), ("tls", 465)]
    )
    def test_the_port_of_the_mail_server_follows_its_security(self, place, security, port):
        environment = {"CAPSULE_SMTP__SECURITY": security} if security else {}

        assert place.load(environment).smtp.port == port
        assert place.load({**environment, "CAPSULE_SMTP__PORT": "2525"}).smtp.port == 2525

    @pytest.mark.parametrize(
        ("variables", "locale"),
        [
            ({"LANG": "ko_KR.UTF-8"}, "ko"),
            ({"LANG": "C.UTF-8"}, "en"),
            ({"LANG": "ko_KR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
            ({"LANG": "ko_KR.UTF-8", "CAPSULE_LOCALE": "en"}, "en"),
        ],
    )
    def test_the_language_is_the_machines_unless_set(self, place, variables, locale):
        assert place.load(variables).locale == locale

    def test_the_zone_is_the_machines_unless_set(self, place):
        assert place.load({"TZ": "Asia/Seoul"}).zone == "Asia/Seoul"
        assert place.load({"TZ": ":Europe/Berlin"}).zone == "Europe/Berlin"
        assert place.load({"TZ": "Asia/Seoul", "CAPSULE_ZONE": "Europe/Oslo"}).zone == "Europe/Oslo"
        assert place.load({"TZ": "KST-9"}).zone == place.load().zone

    def test_a_relative_database_lies_in_the_data_folder(self, place):
        settings = place.load({"CAPSULE_STORE_URL": "sqlite:///other.db", "CAPSULE_DATA_DIR": "/data"})

        assert settings.database_path == Path("/data/other.db")

    @pytest.mark.parametrize(
        ("size", "pixels"), [("1080p", (1920, 1080)), ("4K", (3840, 2160)), ("160x90", (160, 90))]
    )
    def test_a_film_size_is_pixels(self, size, pixels):
        assert config.pixels_of(size) == pixels

    @pytest.mark.parametrize("size", ["", "161x90", "9999x100", "8x8", "1080", "-2x2"])
    def test_what_is_no_film_size_is_refused(self, size):
        with pytest.raises(UsageProblem) as refused:
            config.pixels_of(size)

        assert (refused.value.reason, refused.value.values) == ("film_size_unclear", {"size": size})
