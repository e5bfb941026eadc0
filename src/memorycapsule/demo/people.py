"""Who plays in the demo, and what they tell."""

from dataclasses import dataclass

#: What their capsule is called.
TITLE = "여름, 시골집에서 · The summer we kept"
#: Part of a story. It must not be found in any file before the date.
CONFIDED_TEXT = "the key to the old house hangs behind the clock"


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    address: str
    locale: str
    title: str
    text: str


ADA = Person(
    name="Ada",
    address="ada@example.org",
    locale="en",
    title="By the sea",
    text=f"We stayed until the lamps were lit. And remember: {CONFIDED_TEXT}.",
)
BEN = Person(
    name="Ben",
    address="ben@example.org",
    locale="en",
    title="Kites and cake",
    text="The wind took the red one. Nobody was sad for long.",
)
YOUNGHEE = Person(
    name="영희",
    address="younghee@example.org",
    locale="ko",
    title="할머니네 마당에서",
    text="감이 다 익었던 그 가을, 우리 모두 모였지요.",
)
PEOPLE = (ADA, BEN, YOUNGHEE)
