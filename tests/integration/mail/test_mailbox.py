"""The mailbox folder: whole files, private, in order, never twice."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memorycapsule.errors import CapsuleError
from memorycapsule.mail.letters import Recipient, Sender, TrialLetter, write
from memorycapsule.mail.mailbox import Mailbox
from memorycapsule.words.error_sentences import english_sentence_of

DATE = datetime(2036, 5, 8, 0, 0, 3, tzinfo=UTC)


def letter(number=1, date=DATE, address="ben@example.org"):
    return write(
        TrialLetter(
            recipient=Recipient(address=address, name=None, locale="en"),
            public_url="https://capsule.example/",
        ),
        sender=Sender(name="x", address="capsule@example.org"),
        message_id=f"<{number}@capsule.example>",
        date=date,
    )


def deliver(mailbox, content, recipient="ben@example.org"):
    return mailbox.deliver(content, sender="capsule@example.org", recipient=recipient, on_data=lambda: None)


def test_a_letter_becomes_one_private_file_with_the_same_bytes(tmp_path):
    folder = tmp_path / "data" / "mailbox"
    with Mailbox(folder) as mailbox:
        outcome = deliver(mailbox, letter())

    (file,) = folder.iterdir()
    assert outcome.state == "sent"
    assert file.name in english_sentence_of(outcome.detail)
    assert file.read_bytes() == letter()
    assert file.name.startswith("20360508T000003Z-ben_example.org-")
    assert file.suffix == ".eml"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_was_open_to_others_is_closed(tmp_path):
    (tmp_path / "mailbox").mkdir(mode=0o755)
    deliver(Mailbox(tmp_path / "mailbox"), letter())

    assert stat.S_IMODE((tmp_path / "mailbox").stat().st_mode) == 0o700


def test_the_same_message_id_never_makes_a_second_file(tmp_path):
    mailbox = Mailbox(tmp_path / "mailbox")
    outcomes = [
        deliver(mailbox, letter()),
        deliver(mailbox, letter()),
        deliver(mailbox, letter(date=DATE + timedelta(days=1))),
    ]

    (file,) = (tmp_path / "mailbox").iterdir()
    assert [outcome.state for outcome in outcomes] == ["sent"] * 3
    assert file.read_bytes() == letter()


def test_nothing_is_in_doubt_so_nothing_is_marked(tmp_path):
    marks = []
    Mailbox(tmp_path / "mailbox").deliver(
        letter(), sender="a@b.c", recipient="ben@example.org", on_data=lambda: marks.append(1)
    )

    assert marks == []


def test_file_names_sort_by_time(tmp_path):
    mailbox = Mailbox(tmp_path / "mailbox")
    for number, days in ((1, 3), (2, 1), (3, 2)):
        deliver(mailbox, letter(number, DATE + timedelta(days=days)))

    numbers = [
        file.read_bytes().split(b"Message-ID: <")[1][:1] for file in sorted((tmp_path / "mailbox").iterdir())
    ]
    assert numbers == [b"2", b"3", b"1"]


@pytest.mark.parametrize(
    "recipient", ["../../etc/passwd@example.org", "a/b@x.org", "\u202eeve\r\n@x", "x" * 300, ""]
)
def test_a_recipient_cannot_choose_where_the_file_goes(tmp_path, recipient):
    deliver(Mailbox(tmp_path / "mailbox"), letter(), recipient)

    (file,) = (tmp_path / "mailbox").iterdir()
    assert file.is_file()
    assert file.name.isascii()
    assert len(file.name) < 100
    assert list(tmp_path.iterdir()) == [tmp_path / "mailbox"]


def test_what_a_crash_left_is_finished_by_the_next_attempt(tmp_path):
    mailbox = Mailbox(tmp_path / "mailbox")
    deliver(mailbox, letter())
    (file,) = (tmp_path / "mailbox").iterdir()
    half = file.with_name(f".{file.name}.part")
    file.unlink()
    half.write_bytes(letter()[:100])

    assert deliver(mailbox, letter()).state == "sent"
    assert list((tmp_path / "mailbox").iterdir()) == [file]
    assert file.read_bytes() == letter()


def test_a_folder_that_cannot_be_written_is_tried_again_later(tmp_path):
    (tmp_path / "mailbox").write_text("a file stands where the folder should be")

    outcome = deliver(Mailbox(tmp_path / "mailbox"), letter())
    assert outcome.state == "retry"
    assert "could not be written" in english_sentence_of(outcome.detail)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    mailbox = Mailbox(tmp_path / "mailbox")
    deliver(mailbox, letter())
    (file,) = (tmp_path / "mailbox").iterdir()
    file.unlink()
    file.with_name(f".{file.name}.part").symlink_to("/dev/full")

    outcome = deliver(mailbox, letter())
    assert (outcome.state, list((tmp_path / "mailbox").iterdir())) == ("retry", [])
    assert deliver(mailbox, letter()).state == "sent"


def test_old_letters_are_removed_and_nothing_else(tmp_path):
    folder = tmp_path / "mailbox"
    mailbox = Mailbox(folder)
    assert mailbox.empty_older_than(DATE) == 0
    for number in range(4):
        deliver(mailbox, letter(number, DATE + timedelta(days=10 * number)))
    (folder / "notes.txt").write_text("mine")
    (folder / "20200101T000000Z-my-own.eml").write_text("mine")
    names = sorted(file.name for file in folder.glob("2036*"))
    (folder / f".{names[0]}.part").write_text("half")

    assert mailbox.empty_older_than(DATE + timedelta(days=20)) == 3
    assert sorted(file.name for file in folder.iterdir()) == [
        "20200101T000000Z-my-own.eml",
        *names[2:],
        "notes.txt",
    ]


def test_a_folder_that_cannot_be_emptied_is_named_in_one_sentence(tmp_path):
    """A folder stands where an old letter should, so removing it fails for every user, root included."""
    with Mailbox(tmp_path) as mailbox:
        deliver(mailbox, letter())
        (file,) = tmp_path.iterdir()
        file.unlink()
        file.mkdir()
        with pytest.raises(CapsuleError, match=r"^old_letters_stay "):
            mailbox.empty_older_than(DATE + timedelta(days=1))
