"""What came of it, and whether that is what was promised."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, text

from memorycapsule.domain.capsules import Capsule
from memorycapsule.store.rows import metadata
from support.cast import Instance
from support.mailservers import MailServer


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    #: By capsule: how many seconds after their date those were opened that are open.
    delays: dict[str, float]
    capsules: int
    films: Counter[str]
    attempts: int
    #: Of opened letters, by address and capsule: the state of the row, and how often it has arrived.
    letters: dict[tuple[str, str], tuple[str, int]]
    expected_letters: int
    sealed_media: int
    rows_without_file: int
    files_without_row: int
    rows_without_referrer: int
    #: What a visitor was answered how often.
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def is_done(self) -> bool:
        over = self.films["ready"] + self.films["degraded"] + self.films["failed"]
        sent = sum(
            state in {"sent", "unknown", "rejected", "suppressed"} for state, _ in self.letters.values()
        )
        return over == self.capsules and sent == self.expected_letters and not self.sealed_media

    def with_answers(self, answers: Counter[str]) -> Outcome:
        return dataclasses.replace(self, answers=Counter(answers))

    def progress(self) -> str:
        arrived = sum(times for _, times in self.letters.values())
        return f"{len(self.delays)} open, films {dict(self.films)}, {arrived} letters arrived"

    def lines(self) -> Iterator[str]:
        """Everything, for people."""
        delays = sorted(self.delays.values()) or [0.0]
        states = Counter(state for state, _ in self.letters.values())
        yield f"opened                {len(self.delays)} of {self.capsules}"
        yield f"delay of openings     {delays[len(delays) // 2]:.1f} s in the middle, {delays[-1]:.1f} s at most"
        yield f"films                 {dict(self.films)}, {self.attempts} attempts"
        yield f"opened letters        {dict(states)} of {self.expected_letters}"
        yield f"arrived more than once {sum(times > 1 for _, times in self.letters.values())}"
        yield f"media still sealed    {self.sealed_media}"
        yield f"rows without file     {self.rows_without_file}"
        yield f"files without row     {self.files_without_row}"
        yield f"rows without referrer {self.rows_without_referrer}"
        for answer, times in sorted(self.answers.items()):
            yield f"nginx                 {answer}: {times}"

    def broken(self, *, kills: int, late_seconds: float = 60) -> Iterator[str]:
        """Yield what was promised and is not so."""
        if len(self.delays) != self.capsules:
            yield f"{self.capsules - len(self.delays)} capsules are still sealed"
        if late := [delay for delay in self.delays.values() if delay > late_seconds]:
            yield f"{len(late)} capsules opened later than {late_seconds:.0f} s after their date"
        if self.films["ready"] != self.capsules:
            yield f"there are {self.films['ready']} films"
        if self.attempts > self.capsules + 3 * kills:
            yield f"films needed {self.attempts} attempts"
        if twice := [who for who, (_, times) in self.letters.items() if times > 1]:
            yield f"{len(twice)} letters arrived more than once"
        missed = [
            who
            for who, (state, times) in self.letters.items()
            if (state, times) != ("sent", 1) and state != "unknown"
        ]
        if missed or len(self.letters) != self.expected_letters:
            yield f"{len(missed) + self.expected_letters - len(self.letters)} letters are missing"
        unknown = sum(state == "unknown" for state, _ in self.letters.values())
        if unknown > kills:
            yield f"{unknown} letters are unknown after {kills} kills"
        if self.sealed_media:
            yield f"{self.sealed_media} media are still sealed"
        if self.rows_without_file:
            yield f"{self.rows_without_file} rows have no file"
        if self.files_without_row:
            yield f"{self.files_without_row} files have no row"
        if self.rows_without_referrer:
            yield f"{self.rows_without_referrer} rows have nothing that refers to them"


def look(instance: Instance, capsules: Sequence[Capsule], sink: MailServer, opens: datetime) -> Outcome:
    """Return what came of it so far."""
    with instance.store.reading() as tx:

        def ask(query: str):
            return tx.session.execute(text(query)).all()

        opened = ask("SELECT id, opened_at FROM capsule WHERE opened_at IS NOT NULL")
        films = ask("SELECT state, attempt FROM montage")
        rows = ask("SELECT address, capsule_id, state FROM delivery WHERE kind = 'opened'")
        members = ask("SELECT count(*) FROM member")[0][0]
        sealed = ask("SELECT count(*) FROM medium WHERE is_sealed")[0][0]
        blobs = {one for (one,) in ask("SELECT id FROM blob")}
        referred = {
            one
            for table in metadata().tables.values()
            for column in table.columns
            if any(key.column.table.name == "blob" for key in column.foreign_keys)
            for (one,) in tx.session.execute(select(column).where(column.is_not(None))).all()
        }
    titles = {capsule.id: capsule.title for capsule in capsules}
    subjects = {f"“{title}”: opened today": title for title in titles.values()}
    arrived = Counter(
        (one.recipients[0], subjects[subject])
        for one in list(sink.messages)
        if (subject := str(one.message["Subject"])) in subjects
    )
    files = set(instance.vault.blobs)
    return Outcome(
        delays={one: (at - opens).total_seconds() for one, at in opened},
        capsules=len(capsules),
        films=Counter(state for state, _ in films),
        attempts=sum(attempt for _, attempt in films),
        letters={
            (address, titles[capsule]): (state, arrived[address, titles[capsule]])
            for address, capsule, state in rows
        },
        expected_letters=members,
        sealed_media=sealed,
        rows_without_file=len(blobs - files),
        files_without_row=len(files - blobs),
        rows_without_referrer=len(blobs - referred),
    )
