"""A copy of the program that has one language more, made of English sentences in brackets."""

import re
from pathlib import Path

from babel.messages.plurals import PLURALS

import memorycapsule
from memorycapsule.words.po import read_po

#: What is no sentence: patterns of dates, and fonts.
NOT_SAID = {"day": "full", "day_short": "long", "letter_fonts": "serif"}


def with_language(language: str, folder: Path) -> Path:
    """
    Put a copy of the package into `folder`, with a catalogue of the language for each English one and nothing
    else changed, and return what is to be added to the path that modules are found in.
    """
    package = folder / "memorycapsule"
    package.mkdir()
    original = Path(memorycapsule.__file__).parent
    for entry in original.iterdir():
        if entry.name not in {"words", "__pycache__"}:
            (package / entry.name).symlink_to(entry)
    words = package / "words"
    words.mkdir()
    for entry in (original / "words").iterdir():
        if entry.name != "__pycache__":
            (words / entry.name).symlink_to(entry)
    (words / language).mkdir()
    for english in (original / "words" / "en").glob("*.po"):
        (words / language / english.name).write_text(_in_brackets(english, language), encoding="utf-8")
    return folder


def _in_brackets(english: Path, language: str) -> str:
    count, rule = PLURALS[language]
    file = read_po(english)
    messages = [f'msgid ""\nmsgstr "Plural-Forms: nplurals={count}; plural={rule};\\n"\n']
    for key, sentence in file.sentences.items():
        messages.append(f'msgid "{key}"\nmsgstr {_quoted(NOT_SAID.get(key) or _bracketed(sentence))}\n')
    for key, (one, many) in file.counted.items():
        forms = [f"{_bracketed(many if form else one)}<{form}>" for form in range(count)]
        lines = [f"msgstr[{form}] {_quoted(text)}" for form, text in enumerate(forms)]
        messages.append("\n".join([f'msgid "{key}"', f'msgid_plural "{key}"', *lines, ""]))
    return "\n".join(messages)


def _bracketed(sentence: str) -> str:
    return re.sub(r"(?m)^(.+)$", r"[\1]", sentence)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
