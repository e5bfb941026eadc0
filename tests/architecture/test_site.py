"""The documents hang together: README and site in two languages, and links that lead to what they name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
READMES = [PROJECT / "README.md", PROJECT / "README.ko.md"]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *DOCS.glob("**/*.md")])
MOST_WORDS = 450
LARGEST_PICTURE_BYTES = 3_000_000

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!\w+:)([^)#]*)#([^)]+)\)")
_HANGUL = re.compile(r"[가-힣][가-힣-]*")


def words(document: Path) -> int:
    """How many words a document has without its code."""
    return len(_CODE.sub("", document.read_text()).split())


def anchors(document: Path) -> set[str]:
    """What a link may name in a document, as forges and the site make it of its headings."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", _CODE.sub("", document.read_text()), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        before = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", one) is not None for one in found)
        found.append(f"{anchor}-{before}" if before else anchor)
    return set(found)


def pictures(document: Path) -> list[Path]:
    return [
        document.parent / target for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", document.read_text())
    ]


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make site` does."""
    options = ["-q", "-W", "--keep-going", "-c", str(DOCS)]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(source), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_a_readme_is_short(readme: Path):
    assert words(readme) <= MOST_WORDS


def test_both_readmes_show_the_same_commands_and_pictures():
    ours, korean = ([_HANGUL.sub("", one) for one in _CODE.findall(path.read_text())] for path in READMES)
    english = [one.replace("the-summer-we-kept", "").replace("The summer we kept", "") for one in ours]

    assert [one.replace("The swing", "") for one in english] == [
        re.sub(r'"( *)"', '""', one) for one in korean
    ]
    assert pictures(READMES[0]) == pictures(READMES[1])


def test_a_readme_shows_the_film_as_it_moves_and_each_look():
    film, *looks = pictures(READMES[0])

    assert b"ANIM" in film.read_bytes()[:64]
    assert film.stat().st_size < LARGEST_PICTURE_BYTES
    assert {look.stem for look in looks} == {"look-photocard", "look-museum", "look-window", "look-classic"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_to_headings_that_are_there(document: Path):
    links = _LINK.findall(_CODE.sub("", document.read_text()))
    aims = [(document.parent / target if target else document, anchor) for target, anchor in links]

    assert [f"{aim.name}#{anchor}" for aim, anchor in aims if anchor not in anchors(aim)] == []


def test_every_picture_of_the_documents_is_shown_by_one():
    shown = {picture.resolve() for document in DOCUMENTS for picture in pictures(document)}

    assert [path.name for path in sorted(DOCS.glob("screenshots/*")) if path.resolve() not in shown] == []


def test_every_page_is_there_in_both_languages_but_one_whose_proofs_are_in_english():
    english, korean = ({page.name for page in (DOCS / language).glob("*.md")} for language in ("en", "ko"))

    assert english - korean == {"promises.md"}
    assert korean - english == set()


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_speaks_the_language_of_each_page(tmp_path):
    built = build(DOCS, tmp_path)

    assert (built.returncode, built.stderr) == (0, "")
    english, korean = ((tmp_path / name / "index.html").read_text() for name in ("en", "ko"))
    assert '<html class="no-js" lang="en"' in english
    assert "Back to top" in english
    assert '<html class="no-js" lang="ko"' in korean
    assert "맨 위로" in korean
    assert "Back to top" not in korean


@pytest.mark.slow
@pytest.mark.parametrize(
    "written", ["[a](b.md)", "[a](#b)", "[a](index.md#b)", "![a](b.webp)"], ids=lambda written: written
)
def test_a_site_with_a_link_that_leads_nowhere_is_not_built(written: str, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text(f"# A page\n\n{written}\n")
    built = build(source, tmp_path / "out")

    assert built.returncode != 0
    assert "index.md:3: WARNING" in built.stderr
