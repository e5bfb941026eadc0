"""aiosmtplib against real servers: what each answer means, and when a letter is in doubt."""

import socket
import threading

import pytest

from memorycapsule.errors import MailRefused
from memorycapsule.mail.smtp import SmtpServer, SmtpSession, check_login
from memorycapsule.words.error_sentences import english_sentence_of
from support.mailservers import DROP, HANG, LATE, MailServer, ScriptedServer, make_certificate, plain_settings

LETTER = b"From: a@example.org\r\nTo: ben@example.org\r\nSubject: hi\r\n\r\n.dot first\r\nend\r\n"
THEN_DROP = ScriptedServer.THEN_DROP


class Marks:
    """Counts on_data, and what the server had accepted when it was called."""

    def __init__(self, server=None):
        self.count = 0
        self.server = server
        self.commands_before = []

    def __call__(self):
        self.count += 1
        self.commands_before.append(list(getattr(self.server, "commands", [])))


def deliver(session, marks, *, recipient="ben@example.org", letter=LETTER):
    return session.deliver(letter, sender="capsule@example.org", recipient=recipient, on_data=marks)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


# What a well-behaved server gets


def test_a_letter_arrives_byte_for_byte_with_its_envelope():
    marks = Marks()
    with MailServer() as server, SmtpSession(plain_settings(server)) as session:
        outcome = deliver(session, marks)

        (received,) = server.messages
        assert (outcome.state, marks.count) == ("sent", 1)
        assert (received.sender, received.recipients) == ("capsule@example.org", ("ben@example.org",))
        assert received.raw == LETTER


def test_many_letters_share_one_connection():
    marks = Marks()
    with MailServer() as server, SmtpSession(plain_settings(server)) as session:
        states = [deliver(session, marks, recipient=f"p{n}@example.org").state for n in range(5)]

        assert states == ["sent"] * 5
        assert [received.recipients for received in server.messages] == [
            (f"p{n}@example.org",) for n in range(5)
        ]
        assert (server.connections, marks.count) == (1, 5)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_letter_travels_encrypted_and_logged_in(certificate, security):
    login = ("ada@example.org", "größtes Geheimnis")
    with MailServer(security=security, certificate=certificate, login=login) as server:
        encrypted = plain_settings(
            server, security=security, ca_file=certificate, username=login[0], password=login[1]
        )
        check_login(encrypted)
        with SmtpSession(encrypted) as session:
            assert deliver(session, Marks()).state == "sent"

        assert len(server.messages) == 1


def test_an_international_domain_is_sent_in_its_ascii_form():
    with MailServer() as server, SmtpSession(plain_settings(server)) as session:
        assert deliver(session, Marks(), recipient="info@bücher.example").state == "sent"

        assert server.messages[0].recipients == ("info@xn--bcher-kva.example",)


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ("영희@example.org", "address_not_ascii"),
        *((text, "address_malformed") for text in ("ben@", "a@b>\r\nRCPT TO:<eve@x.org", "", "ben")),
    ],
)
def test_an_address_that_mail_cannot_reach_is_rejected_without_asking_the_server(recipient, reason):
    marks = Marks()
    with MailServer() as server, SmtpSession(plain_settings(server)) as session:
        outcome = deliver(session, marks, recipient=recipient)

        assert (outcome.state, marks.count, server.connections) == ("rejected", 0, 0)
        assert outcome.detail.reason == reason


def test_the_next_letter_reconnects_after_the_server_was_restarted():
    marks = Marks()
    with MailServer() as server, SmtpSession(plain_settings(server)) as session:
        assert deliver(session, marks).state == "sent"
        server.stop()
        down = deliver(session, marks)
        assert (down.state, down.recipient_named, marks.count) == ("paused", False, 1)
        server.start()

        assert deliver(session, marks).state == "sent"
        assert (len(server.messages), marks.count) == (2, 2)


def test_a_server_that_restarted_between_two_letters_goes_unnoticed():
    marks = Marks()
    with MailServer() as server, SmtpSession(plain_settings(server)) as session:
        assert deliver(session, marks).state == "sent"
        server.stop()
        server.start()

        assert deliver(session, marks).state == "sent"
        assert (len(server.messages), marks.count) == (2, 2)


# What a misbehaving server means: (script, state, whether on_data was called, whether the server has it)


@pytest.mark.parametrize(
    ("script", "state", "marked", "accepted"),
    [
        pytest.param({"GREETING": "421 busy"}, "paused", 0, 0, id="greeting 421"),
        pytest.param({"GREETING": "554 go away"}, "paused", 0, 0, id="greeting 554"),
        pytest.param({"GREETING": DROP}, "paused", 0, 0, id="drop at greeting"),
        pytest.param({"EHLO": DROP}, "paused", 0, 0, id="drop at EHLO"),
        pytest.param({"MAIL": "451 later"}, "paused", 0, 0, id="MAIL 451"),
        pytest.param({"MAIL": "550 not from you"}, "paused", 0, 0, id="MAIL 550"),
        pytest.param({"MAIL": "421 closing" + THEN_DROP}, "paused", 0, 0, id="MAIL 421 on a new connection"),
        pytest.param({"MAIL": DROP}, "paused", 0, 0, id="drop at MAIL"),
        pytest.param({"MAIL": "what?"}, "paused", 0, 0, id="nonsense at MAIL"),
        pytest.param({"RCPT": "450 greylisted"}, "retry", 0, 0, id="RCPT 450"),
        pytest.param({"RCPT": "550 no such person"}, "rejected", 0, 0, id="RCPT 550"),
        pytest.param({"RCPT": "530 login first"}, "paused", 0, 0, id="RCPT 530"),
        pytest.param({"RCPT": DROP}, "paused", 0, 0, id="drop at RCPT"),
        pytest.param({"RCPT": HANG}, "paused", 0, 0, id="hang at RCPT"),
        pytest.param({"DATA": "451 later"}, "retry", 1, 0, id="DATA 451"),
        pytest.param({"DATA": "554 no"}, "rejected", 1, 0, id="DATA 554"),
        pytest.param({"DATA": "250 what"}, "paused", 1, 0, id="DATA answered as if done"),
        pytest.param({"DATA": DROP}, "paused", 1, 0, id="drop before the payload"),
        pytest.param({"DATA": HANG}, "paused", 1, 0, id="hang before the payload"),
        pytest.param({"PAYLOAD": "452 disk full"}, "retry", 1, 1, id="dot 452"),
        pytest.param({"PAYLOAD": "552 too big"}, "rejected", 1, 1, id="dot 552"),
        pytest.param({"PAYLOAD": "421 closing" + THEN_DROP}, "paused", 1, 1, id="dot 421"),
        pytest.param({"PAYLOAD": DROP}, "unknown", 1, 1, id="drop after dot"),
        pytest.param({"PAYLOAD": HANG}, "unknown", 1, 1, id="hang after dot"),
        pytest.param({"PAYLOAD": "nonsense"}, "unknown", 1, 1, id="nonsense after dot"),
        pytest.param({"PAYLOAD": "354 again"}, "unknown", 1, 1, id="dot 354"),
        pytest.param({"PAYLOAD": "250 ok" + THEN_DROP}, "sent", 1, 1, id="drop after 250"),
        pytest.param({"QUIT": DROP}, "sent", 1, 1, id="drop at QUIT"),
    ],
)
def test_every_answer_means_one_thing(script, state, marked, accepted):
    marks = Marks()
    with ScriptedServer(script) as server:
        patience = 0.3 if HANG in script.values() else 5
        impatient = plain_settings(server, timeout_seconds=patience, final_reply_timeout_seconds=patience)
        with SmtpSession(impatient) as session:
            outcome = deliver(session, marks)

        assert (outcome.state, marks.count, len(server.payloads)) == (state, marked, accepted)
        assert english_sentence_of(outcome.detail)
        assert "\n" not in english_sentence_of(outcome.detail)


def test_the_mark_is_set_after_the_recipient_was_accepted_and_before_data():
    with ScriptedServer() as server, SmtpSession(plain_settings(server)) as session:
        marks = Marks(server)
        deliver(session, marks)

        (before,) = marks.commands_before
        assert before[-1] == "RCPT TO:<ben@example.org>"
        assert "DATA" not in before


def test_a_mark_that_cannot_be_set_keeps_the_letter_at_home():
    def full_disk():
        raise OSError("disk full")

    with ScriptedServer() as server:
        with SmtpSession(plain_settings(server)) as session:
            with pytest.raises(OSError, match="disk full"):
                deliver(session, full_disk)
            assert deliver(session, Marks()).state == "sent"

        assert len(server.payloads) == 1


@pytest.mark.parametrize(
    ("script", "first"),
    [
        ({"RCPT": ["550 no such person", "250 ok"]}, "rejected"),
        ({"PAYLOAD": ["552 too big", "250 ok"]}, "rejected"),
        ({"DATA": ["451 later", "354 go"]}, "retry"),
        ({"PAYLOAD": [DROP, "250 ok"]}, "unknown"),
        ({"RCPT": ["550 no", "250 ok"], "RSET": DROP}, "rejected"),
        ({"GREETING": ["421 busy", "220 hello"]}, "paused"),
    ],
)
def test_one_bad_letter_does_not_harm_the_next(script, first):
    with ScriptedServer(script) as server, SmtpSession(plain_settings(server)) as session:
        outcomes = [deliver(session, Marks()).state for _ in range(2)]

        assert outcomes == [first, "sent"]


def test_an_idle_connection_that_the_server_closed_is_opened_again():
    marks = Marks()
    script = {"MAIL": ["250 ok", "421 idle too long" + THEN_DROP, "250 ok"]}
    with ScriptedServer(script) as server, SmtpSession(plain_settings(server)) as session:
        outcomes = [deliver(session, marks).state for _ in range(2)]

        assert (outcomes, server.connections, marks.count) == (["sent", "sent"], 2, 2)


@pytest.mark.parametrize(
    "broken",
    [
        {"RCPT": ["250 ok", "421 enough of this connection" + THEN_DROP, "250 ok"]},
        {"RCPT": ["250 ok", DROP, "250 ok"]},
        {"DATA": ["354 go", "421 enough of this connection" + THEN_DROP, "354 go"]},
        {"DATA": ["354 go", DROP, "354 go"]},
    ],
    ids=["421 at RCPT", "drop at RCPT", "421 at DATA", "drop at DATA"],
)
def test_a_server_that_takes_a_few_letters_each_connection_gets_all(broken):
    marks = Marks()
    with ScriptedServer(broken) as server, SmtpSession(plain_settings(server)) as session:
        outcomes = [deliver(session, marks).state for _ in range(3)]

        assert (outcomes, server.connections, marks.count) == (["sent"] * 3, 2, 3)
        assert len(server.payloads) == 3


def test_a_server_that_is_too_late_with_its_last_reply_is_not_waited_for():
    """Neither for its yes, which comes before the time for all other replies is over, nor with the goodbye."""
    with ScriptedServer({"PAYLOAD": f"{LATE}60"}) as server:
        allowed = plain_settings(server, timeout_seconds=120, final_reply_timeout_seconds=0.3)
        with SmtpSession(allowed) as session:
            assert deliver(session, Marks()).state == "unknown"

        assert (len(server.payloads), server.late_replies) == (1, 0)


def test_the_detail_keeps_other_addresses_and_secrets_to_itself():
    reply = (
        "550-<BEN@example.org> unknown, ask postmaster@isp.example\n550 not eve@secret.example, s3cret-word"
    )
    script = {"EHLO": "250-scripted\n250 AUTH PLAIN", "RCPT": reply}
    with ScriptedServer(script) as server:
        known = plain_settings(server, username="ada", password="s3cret-word")
        with SmtpSession(known) as session:
            detail = english_sentence_of(deliver(session, Marks()).detail)

    assert "BEN@example.org" in detail
    assert not any(hidden in detail for hidden in ("isp.example", "secret.example", "s3cret-word"))


def test_an_answer_that_makes_no_sense_is_told_like_any_other():
    script = {"DATA": "nonsense of eve@secret.example"}
    with ScriptedServer(script) as server, SmtpSession(plain_settings(server)) as session:
        detail = english_sentence_of(deliver(session, Marks()).detail)

    assert "nonsense of" in detail
    assert not any(hidden in detail for hidden in ("secret.example", "-1"))


def test_settings_do_not_print_their_password():
    given = SmtpServer(host="h", port=1, security="none", username="ada", password="s3cret-word")

    assert "s3cret-word" not in f"{given} {given!r}"


# Settings that cannot work


def test_a_refused_connection_is_tried_again_later():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    marks = Marks()
    nobody = SmtpServer(host="127.0.0.1", port=port, security="none", username=None, password=None)
    with SmtpSession(nobody) as session:
        outcome = deliver(session, marks)

    assert (outcome.state, outcome.recipient_named, marks.count) == ("paused", False, 0)
    with pytest.raises(MailRefused, match=r"^mail_unreachable \(.*system_connection_refused"):
        check_login(nobody)


def test_an_unknown_host_is_named():
    nowhere = SmtpServer(host="nowhere.invalid", port=25, security="none", username=None, password=None)

    with pytest.raises(MailRefused, match=r"^mail_host_unknown .*nowhere\.invalid"):
        check_login(nowhere)


def test_a_wrong_password_pauses_the_sender_and_says_so():
    with MailServer(login=("ada", "right")) as server:
        wrong = plain_settings(server, username="ada", password="wrong")
        marks = Marks()
        with SmtpSession(wrong) as session:
            assert deliver(session, marks).state == "paused"

        with pytest.raises(MailRefused, match=r"^mail_login_refused .*535") as caught:
            check_login(wrong)
        assert marks.count == 0
        assert caught.value.exit_code == 7
        assert server.messages == []


def test_a_login_that_fails_for_now_pauses_the_sender_and_says_what_was_answered():
    script = {
        "EHLO": "250-scripted\n250 AUTH PLAIN LOGIN",
        "AUTH": "454 4.7.0 Too many login attempts" + THEN_DROP,
    }
    with (
        ScriptedServer(script) as server,
        SmtpSession(plain_settings(server, username="a", password="b")) as session,
    ):
        outcome = deliver(session, Marks())

    assert outcome.state == "paused"
    assert "454 4.7.0 Too many login attempts" in english_sentence_of(outcome.detail)


@pytest.mark.parametrize("offered", ["PLAIN LOGIN", "LOGIN PLAIN", "CRAM-MD5 LOGIN", "LOGIN"])
def test_a_login_is_one_attempt_by_one_method(offered):
    script = {"EHLO": f"250-scripted\n250 AUTH {offered}", "AUTH": "535 5.7.8 no"}
    with ScriptedServer(script) as server:
        with pytest.raises(MailRefused, match=r"^mail_login_refused .*535"):
            check_login(plain_settings(server, username="ada", password="wrong"))

        assert len([command for command in server.commands if command.startswith("AUTH")]) == 1


def test_a_server_without_login_is_named():
    with ScriptedServer() as server, pytest.raises(MailRefused, match=r"^mail_no_login "):
        check_login(plain_settings(server, username="ada", password="x"))


def test_a_server_that_wants_a_login_pauses_the_sender():
    with MailServer(login=("ada", "right")) as server, SmtpSession(plain_settings(server)) as session:
        assert deliver(session, Marks()).state == "paused"


def test_a_server_without_starttls_gets_no_letter():
    with ScriptedServer() as server:
        with pytest.raises(MailRefused, match=r"^mail_no_starttls "):
            check_login(plain_settings(server, security="starttls"))
        with SmtpSession(plain_settings(server, security="starttls")) as session:
            assert deliver(session, Marks()).state == "paused"

        assert not any(command.startswith("MAIL") for command in server.commands)


@pytest.mark.parametrize("reply", ["454 later", "554 no", DROP])
def test_starttls_that_is_refused_gets_no_letter(reply):
    script = {"EHLO": "250-scripted\n250 STARTTLS", "STARTTLS": reply}
    with ScriptedServer(script) as server:
        with SmtpSession(plain_settings(server, security="starttls")) as session:
            assert deliver(session, Marks()).state == "paused"

        assert not any(command.startswith("MAIL") for command in server.commands)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_pauses_the_sender(certificate, security):
    with MailServer(security=security, certificate=certificate) as server:
        with SmtpSession(plain_settings(server, security=security)) as session:
            outcome = deliver(session, Marks())

        assert outcome.state == "paused"
        assert "is not trusted (self-signed certificate); set ca_file" in english_sentence_of(outcome.detail)
        assert server.messages == []


def test_tls_against_a_server_that_speaks_plainly_is_explained():
    with ScriptedServer() as server, pytest.raises(MailRefused, match=r"^mail_no_tls "):
        check_login(plain_settings(server, security="tls"))


def test_a_missing_certificate_file_is_named(tmp_path):
    missing = tmp_path / "missing.pem"
    with (
        ScriptedServer() as server,
        pytest.raises(MailRefused, match=r"^mail_certificate_unusable .*missing\.pem"),
    ):
        check_login(plain_settings(server, security="tls", ca_file=missing))


def test_a_login_that_works_says_nothing():
    with MailServer(login=("ada", "right")) as server:
        check_login(plain_settings(server, username="ada", password="right"))


def test_a_session_works_in_any_one_thread():
    states = []
    with MailServer() as server:

        def work():
            with SmtpSession(plain_settings(server)) as session:
                states.append(deliver(session, Marks()).state)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(20)

    assert states == ["sent"]
