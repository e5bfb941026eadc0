"""What the person at the terminal sees when the mail server refuses us, breaks off, or refuses a recipient."""

import re

import pytest

from support.mailservers import DROP, ScriptedServer


@pytest.fixture
def mail(monkeypatch, summer):
    """Set a scripted mail server, and give back the instance with two invitations in its outbox."""

    def begin(server):
        for name, setting in {
            "SMTP__HOST": server.host,
            "SMTP__PORT": str(server.port),
            "SMTP__SECURITY": "none",
            "SMTP__TIMEOUT_SECONDS": "5",
            "MAIL__SENDER_ADDRESS": "capsule@example.org",
            "PUBLIC_URL": "https://photos.example.org",
        }.items():
            monkeypatch.setenv(f"CAPSULE_{name}", setting)
        assert summer("invite", "summer", "ben@example.org", "cleo@example.org").code == 0
        return summer

    return begin


def states(capsule):
    return [one["state"] for one in capsule("mail", "outbox", "--json").json["letters"]]


def test_a_server_that_refuses_us_is_told_everywhere_with_its_date_until_it_takes_letters(mail, monkeypatch):
    refusal = "554 5.7.1 <ben@example.org>: Relay access denied"
    with ScriptedServer({"RCPT": [refusal, "250 ok"]}) as server:
        capsule = mail(server)
        assert states(capsule) == ["queued", "queued"]

        ticked, told = capsule("tick"), capsule("tick", "--json")
        assert (ticked.code, told.code, ticked.out) == (5, 5, "")
        assert re.search(
            r"2 letters wait until 20\d\d-\d\d-\d\d \d\d:\d\d UTC: .*Relay access denied", ticked.err
        )
        assert (told.json["letters"]["waiting"], told.json["paused"]["code"]) == (2, "mail_server_replied")

        foretold = capsule("tick", "--dry-run")
        assert (foretold.code, "2 letters wait until" in foretold.err) == (0, True)
        looked = capsule("mail", "outbox")
        assert re.search(r"No letter leaves until 20\d\d-\d\d-\d\d \d\d:\d\d UTC", looked.err)
        # `doctor` asks there, and nobody answers.
        monkeypatch.setenv("CAPSULE_PUBLIC_URL", f"http://{server.host}:1")
        examined = capsule("doctor", "--json")
        assert (examined.code, examined.json["healthy"]) == (7, False)
        (letters,) = [one for one in examined.json["findings"] if one["what"] == "letters"]
        assert letters["state"] == "wrong"
        assert "Relay access denied" in letters["says"]

        assert capsule("mail", "retry").code == 0
        assert states(capsule) == ["sent", "sent"]
        assert capsule("tick").code == 0
        assert len(server.payloads) == 2


def test_letters_that_may_have_arrived_are_sent_again_together_when_somebody_asks(mail):
    with ScriptedServer({"PAYLOAD": [DROP, "250 ok"]}) as server:
        capsule = mail(server)
        assert sorted(states(capsule)) == ["queued", "unknown"]
        assert (
            "1 letter may not have arrived; `capsule mail retry --unknown`" in capsule("mail", "outbox").err
        )

        assert "No letter was rejected." in capsule("mail", "retry", "--rejected").out
        assert capsule("mail", "retry").code == 0
        again = capsule("mail", "retry", "--unknown", "--json").json["letters"]

        assert [one["state"] for one in again] == ["sent"]
        assert sorted(states(capsule)) == ["sent", "sent", "unknown"]
        assert "Of no letter it is unknown" in capsule("mail", "retry", "--unknown").out
        assert len(server.payloads) == 3


def test_a_rejected_letter_holds_up_no_other_and_is_sent_again_when_somebody_asks(mail):
    with ScriptedServer({"RCPT": ["550 5.1.1 no such user", "250 ok"]}) as server:
        capsule = mail(server)
        assert sorted(states(capsule)) == ["rejected", "sent"]

        assert [one["state"] for one in capsule("mail", "retry", "--rejected", "--json").json["letters"]] == [
            "sent"
        ]
        assert len(server.payloads) == 2


def test_asking_again_in_vain_does_not_end_well(mail):
    with ScriptedServer({"RCPT": "554 5.7.1 Relay access denied"}) as server:
        capsule = mail(server)
        asked = capsule("mail", "retry")

        assert asked.code == 5
        assert "Relay access denied" in asked.out


def test_a_test_letter_that_is_refused_as_ours_says_what_to_look_at(mail):
    with ScriptedServer({"RCPT": "554 5.7.1 Relay access denied"}) as server:
        said = mail(server)("mail", "test", "ada@example.org", "--json")

        assert (said.code, said.error["code"], said.error["reason"]) == (
            7,
            "mail_refused",
            "trial_letter_unwanted",
        )
        assert "sender_address" in said.error["message"]
        assert said.error["message"].endswith("554 5.7.1 Relay access denied")


def test_a_test_letter_that_is_taken_ends_the_pause_of_all_others(mail):
    with ScriptedServer({"RCPT": ["554 5.7.1 Relay access denied", "250 ok"]}) as server:
        capsule = mail(server)
        assert capsule("tick").code == 5

        assert capsule("mail", "test", "ada@example.org").code == 0
        assert capsule("tick", "--json").json["letters"]["sent"] == 2
