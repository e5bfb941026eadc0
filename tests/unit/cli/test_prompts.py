"""What `capsule init` asks is looked at while somebody sits there, and no answer is lost."""

import io
import sys
from collections.abc import Callable

from memorycapsule import config
from memorycapsule.cli import prompts
from memorycapsule.cli.sentences import words_of
from memorycapsule.errors import UsageProblem


def test_every_answer_is_checked_at_its_prompt(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAPSULE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("CAPSULE_DATA_DIR", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)
    typed = [
        *("nobody", "ada@example.org"),
        *("gmial", "own"),
        "mail.example.org",
        *("ssl", "tls"),
        *("mail", "99999", ""),
        "",
        *("photos.home.test", "https://photos.home.test"),
        *("80", "8485"),
        *("seoul", "Asia/Seoul"),
        *("/full", "/album"),
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{one}\n" for one in typed)))

    def check(found: dict[str, object]) -> object:
        return config.load(config_file=None, overrides=found, file_must_exist=False)

    def refuse(wrong: str, reason: str) -> Callable[[str], int]:
        def tried(answer: str) -> int:
            if answer == wrong:
                raise UsageProblem(reason, megabytes=3, needed=1000, setting="daemon.port", port=wrong)
            return 5 * 10**9

        return tried

    sent = []
    checks = prompts.Checks(
        settings=check,
        mail=lambda found, address: sent.append((found["smtp.host"], address)),
        port=refuse("80", "daemon_port_taken"),
        folder=refuse("/full", "folder_too_small"),
    )
    answers = prompts.ask(
        words_of("en"), config.load(file_must_exist=False), checks, admin=None, folder=tmp_path, port=8484
    )

    assert answers.admin == "ada@example.org"
    assert sent == [("mail.example.org", "ada@example.org")]
    assert answers.settings == {
        "zone": "Asia/Seoul",
        "daemon.port": 8485,
        "data_dir": "/album",
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
    assert "Port 80 is taken" in said
    assert "Only 3 MB are free" in said
    assert "5.0 GB are free there" in said
