"""What became of letters, and why letters wait, in words of the catalogues; other sentences stay as they are."""

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: What earlier versions said in so many words.
_REASONS: dict[str, dict[str, Any]] = {
    "The program was cut off while it handed the letter over.": {"reason": "letter_cut_off", "values": {}},
    "The letter was handed over, but no clear answer came: connection lost.": {
        "reason": "mail_no_answer_after",
        "values": {"problem": {"reason": "mail_connection_lost", "values": {}}},
    },
    "The letter was handed over, but no clear answer came: no reply in time.": {
        "reason": "mail_no_answer_after",
        "values": {"problem": {"reason": "mail_no_reply_in_time", "values": {}}},
    },
}
#: A letter in the mailbox folder, and a mail server's reply in its own words.
_KEPT = re.compile(r"kept as (\S+\.eml)")
_REPLY = re.compile(r"[2-5][0-9]{2} .*")
#: The longest text that is read back as a value, in characters.
_LONGEST_TEXT = 2000


def upgrade() -> None:
    for table, column in (("delivery", "detail"), ("instance", "mail_pause_reason")):
        rows = sa.table(table, sa.column("id", sa.String), sa.column(column, sa.String))
        sentence = rows.c[column]
        connection = op.get_bind()
        for one, text in connection.execute(
            sa.select(rows.c.id, sentence).where(sentence.is_not(None))
        ).all():
            kept = json.dumps(_with_reason(text), ensure_ascii=False)
            connection.execute(rows.update().where(rows.c.id == one).values({column: kept}))


def _with_reason(text: str) -> dict[str, Any]:
    if text in _REASONS:
        return _REASONS[text]
    if kept := _KEPT.fullmatch(text):
        return {"reason": "mailbox_kept", "values": {"file": kept[1]}}
    text = text[:_LONGEST_TEXT]
    if _REPLY.fullmatch(text):
        return {"reason": "mail_server_replied", "values": {"reply": text}}
    return {"reason": "other", "values": {"sentence": text}}
