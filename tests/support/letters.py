"""Who writes letters and who reads them, and letters that say what is wrong."""

from dataclasses import replace

from memorycapsule.domain.reasons import reason_fields
from memorycapsule.errors import CapsuleError
from memorycapsule.mail.letters import NoticeLetter, Recipient, Sender

SENDER = Sender(name="MemoryCapsule", address="capsule@example.org")
YOUNGHEE = Recipient(address="younghee@example.org", name="영희", locale="ko")
BEN = Recipient(address="ben@example.org", name="Ben", locale="en")
NO_MAILBOX = CapsuleError("mail_server_replied", reply="550 5.1.1 no such mailbox")
NOTICE = NoticeLetter(
    recipient=BEN,
    url="https://capsule.example/",
    is_admin=True,
    notices=[
        {"kind": kind, "place": place, "says": reason_fields(says)}
        for kind, place, says in (
            ("disk", None, CapsuleError("notice_disk", free=412)),
            ("film", "The summer we kept", CapsuleError("notice_film_failed")),
            (
                "rejected_letters",
                "The summer we kept",
                CapsuleError("notice_letters_rejected", count=2, names="Cleo, Dora", problem=NO_MAILBOX),
            ),
        )
    ],
)
#: Of somebody who owns a capsule and does not keep the machine.
OWNERS_NOTICE = replace(NOTICE, is_admin=False, notices=NOTICE.notices[1:])
