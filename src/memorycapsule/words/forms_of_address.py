"""Forms of address: how somebody is spoken to by name."""

from __future__ import annotations

from memorycapsule.words.catalogues import wording


def addressed(name: str, language: str) -> str:
    """
    Return how somebody is spoken to: 'Ben', '영희 님'.

    A name stays as it is when it ends in a form of address already: in what the language would add, or in a word
    like those by which people call their own family, 할머니.
    """
    words, last_word = wording(language, "forms_of_address"), name.split()[-1:]
    added = words("addressed", name="").strip()
    if not last_word or name.endswith(added) or last_word[0] in words("addressed_already").split():
        return name
    return words("addressed", name=name)
