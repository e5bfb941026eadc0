"""What people read stands in the catalogues: no sentence in templates, no Korean in code, no branch by a language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from memorycapsule.words.languages import languages
from support.syntax_trees import tree_of

PACKAGE = Path(__file__).parents[2] / "src" / "memorycapsule"
CODE = sorted(PACKAGE.rglob("*.py"))
PAGES = sorted(PACKAGE.glob("daemon/http/templates/**/*.html"))
LETTERS = sorted(PACKAGE.glob("mail/templates/*"))
DATA = sorted([*PACKAGE.glob("themes/*/*.toml"), *PACKAGE.glob("daemon/http/static/js/*.js")])
HANGUL = re.compile("[\N{HANGUL SYLLABLE GA}-\N{HANGUL SYLLABLE HIH}]")
#: Where Hangul is no word of ours.
NOT_OURS = {
    "domain/hangul.py": "the first and the last syllable",
    "domain/dated_names.py": "what phones call their files",
    "domain/opening_dates.py": "what people type: 10년 후",
    "demo/people.py": "what the people of the demonstration are called and write",
    "demo/scenes.py": "what the pictures of the demonstration show",
    "schemas/themes.py": "an example in the API's document",
    "daemon/http/api/bodies.py": "an example in the API's document",
    "media/metadata/date_texts.py": "what cameras write into dates",
    "cli/commands/invitations.py": "an example of a command",
    "cli/commands/render.py": "an example of a command",
}
#: Words in templates that are the same in every language.
SAME_EVERYWHERE = {"name@example.org"}
#: Blocks of templates that hold names of classes.
CLASSES = r"\{% block (body_class|layout|place|theme|width) %\}.*?\{% endblock %\}"
#: Attributes that people read or hear.
READ = "alt|title|placeholder|aria-label"


def place(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def strings(path: Path) -> Iterator[str]:
    """The strings of a module, without those that explain something."""
    tree = tree_of(path)
    explaining = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explaining:
            yield node.value


def test_there_is_something_to_look_at():
    assert len(CODE) > 100
    assert len(PAGES) > 20
    assert len(LETTERS) > 10
    assert len(DATA) > 10


def test_no_korean_stands_outside_the_catalogues():
    # Letters may be written as they are, or by number or name.
    with_korean = [path for path in CODE if re.search(rf"{HANGUL.pattern}|\\[uUN]", path.read_text())]
    code = {place(path) for path in with_korean if any(HANGUL.search(text) for text in strings(path))}

    assert code == set(NOT_OURS)
    assert [place(path) for path in (*PAGES, *LETTERS, *DATA) if HANGUL.search(path.read_text())] == []
    english = {place(path): path.read_text() for path in (PACKAGE / "words" / "en").glob("*.po")}
    # Help, and the sentences of dates that cannot be read, name what people type.
    assert [one for one, text in english.items() if HANGUL.search(text.replace("10년 후", ""))] == []


def test_no_code_asks_which_language_it_is():
    quoted = re.compile("|".join(f"\"{one}\"|'{one}'" for one in languages()))
    asking = [
        f"{place(path)}:{node.lineno}"
        for path in CODE
        if quoted.search(path.read_text())
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Compare | ast.match_case)
        for part in ast.walk(node.pattern if isinstance(node, ast.match_case) else node)
        if isinstance(part, ast.Constant) and part.value in languages()
    ]

    assert asking == []
    assert [place(path) for path in (*PAGES, *LETTERS) if quoted.search(path.read_text())] == []


def sayings(template: str) -> Iterator[str]:
    """What a template says itself: its text, and the attributes that people read."""
    plain = re.sub(CLASSES, "", template)
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", plain, flags=re.DOTALL)
    plain = re.sub(r"<(style|script)\b.*?</\1>", "", plain, flags=re.DOTALL)
    yield from re.findall(rf'\b(?:{READ})="([^"]*)"', plain)
    yield from re.sub(r'<[^>]*>|&\w+;|[\w-]+="[^"]*"', "\n", plain).split("\n")


@pytest.mark.parametrize("path", [*PAGES, *LETTERS], ids=lambda path: path.name)
def test_a_template_holds_no_sentence(path):
    said = {words.strip() for words in sayings(path.read_text())}

    assert sorted(one for one in said - SAME_EVERYWHERE if re.search(r"[^\W\d_]{2}", one)) == []


def test_sentences_in_templates_would_be_found():
    page = '<p title="A tip">{{ words("a_key") }} and you</p><style>body{}</style><img alt="A sea">&nbsp;{# why #}'

    assert {one for one in sayings(page) if one.strip()} == {"A tip", "A sea", " and you"}
