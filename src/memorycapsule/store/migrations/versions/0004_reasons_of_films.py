"""What films do without, and why, in words of the catalogues; sentences of earlier versions stay as they are."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: What earlier versions said in so many words.
_REASONS = {
    "The song could not be played, so the film has the theme's own music.": "film_song_unplayable",
    "The pieces of the film could not be joined; the next try makes them again.": "film_pieces_unjoined",
    "A worker of the film ended early; the next try goes on from what is done.": "film_worker_ended",
    "The film could not be encoded; photos and stories are safe.": "film_unencoded",
    "The film could not be made; photos and stories are safe.": "render_failed",
    "The renderer hung; it was ended and will be tried again.": "renderer_hung",
    "The renderer ended without a film (it was stopped from outside).": "renderer_stopped",
}


def upgrade() -> None:
    montage = sa.table("montage", sa.column("id", sa.String), sa.column("report", sa.Text))
    connection = op.get_bind()
    rows = connection.execute(sa.select(montage.c.id, montage.c.report).where(montage.c.report != "[]")).all()
    for montage_id, report in rows:
        lines = [_with_reason(line) for line in json.loads(report or "[]")]
        connection.execute(
            montage.update()
            .where(montage.c.id == montage_id)
            .values(report=json.dumps(lines, ensure_ascii=False))
        )


def _with_reason(line: str | dict[str, Any]) -> dict[str, Any]:
    # The first lines of all were bare sentences.
    of, sentence = ("", line) if isinstance(line, str) else (line["of"], line["sentence"])
    if sentence in _REASONS:
        return {"of": of, "reason": _REASONS[sentence], "values": {}}
    return {"of": of, "reason": "other", "values": {"sentence": sentence}}
