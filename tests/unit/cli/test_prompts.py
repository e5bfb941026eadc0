"""What `capsule init` asks is looked at while somebody sits there, and no answer is lost."""

import io
import sys

from memorycapsule import config
from memorycapsule.cli import prompts
from memorycapsule.cli.sentences import words_of


def test_every_answer_is_checked_at_its_prompt(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAPSULE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("CAPSULE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("EMAIL", raising=False)
    typed = [
        *("nobody", "ada@example.org"),
        "",
        *("seoul", "Asia/Seoul"),
        *("photos.home.test", "https://photos.home.test"),
        *("gmial", "own"),
        "mail.example.org",
        *("ssl", "tls"),
        *("mail", "99999", ""),
        "",
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{one}\n" for one in typed)))

    def check(found: dict[str, object]) -> object:
        return config.load(config_file=None, overrides=found, file_must_exist=False)

    answers = prompts.ask(words_of("en"), config.load(file_must_exist=False), check, admin=None, name=None)

    assert (answers.admin, answers.name) == ("ada@example.org", "ada")
    assert answers.settings == {
        "zone": "Asia/Seoul",
        "public_url": "https://photos.home.test",
        "smtp.host": "mail.example.org",
        "smtp.security": "tls",
        "smtp.port": 465,
        "mail.sender_address": "ada@example.org",
    }
    said = capsys.readouterr().err
    assert "Did you mean Asia/Seoul?" in said
    assert said.count("guests reach this machine") == 2
    assert "(flag)" not in said
    assert said.count("65535") == 2
