"""The reader of catalogues understands what Babel understands, and refuses what is not finished."""

import io
from pathlib import Path

import pytest
from babel.messages.plurals import PLURALS
from babel.messages.pofile import read_po as babel_read_po

import memorycapsule.words
from memorycapsule.words.catalogues import read_language
from memorycapsule.words.po import PoUnreadable, read_po

CATALOGUES = sorted(Path(memorycapsule.words.__file__).parent.glob("*/*.po"))
HEADER = 'msgid ""\nmsgstr ""\n"Language: en\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'


@pytest.fixture
def po(tmp_path):
    def write(text, header=HEADER):
        path = tmp_path / "some.po"
        path.write_text(header + text, encoding="utf-8")
        return path

    return write


def test_there_are_catalogues():
    assert len(CATALOGUES) > 10


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_catalogue_is_read_as_babel_reads_it(path):
    ours = read_po(path)
    theirs = babel_read_po(io.BytesIO(path.read_bytes()), abort_invalid=True)

    assert ours.sentences == {one.id: one.string for one in theirs if one.id and isinstance(one.id, str)}
    assert ours.counted == {one.id[0]: tuple(one.string) for one in theirs if isinstance(one.id, tuple)}
    assert theirs.locale is not None
    assert theirs.locale.language == path.parent.name
    assert ours.plural_forms == theirs.plural_forms


@pytest.mark.parametrize("language", ["en", "ko", "pl", "ar", "ja", "fr", "cs"])
def test_the_form_is_chosen_as_the_header_says(po, language):
    count, rule = PLURALS[language]
    forms = "\n".join(f'msgstr[{form}] "form {form}"' for form in range(count))
    header = f'msgid ""\nmsgstr "Plural-Forms: nplurals={count}; plural={rule};\\n"\n'
    plural = read_po(po(f'msgid "one"\nmsgid_plural "many"\n{forms}\n', header)).plural

    assert {plural(number) for number in range(300)} == set(range(count))
    assert language != "pl" or [plural(number) for number in (1, 2, 5, 22, 112)] == [0, 1, 2, 1, 2]


def test_lines_go_on_and_escapes_are_resolved(po):
    found = read_po(
        po('# why\n#. what\nmsgid "greeting"\nmsgstr ""\n"Say \\"hello\\"\\n"\n"\\tto \\\\ 할머니"\n')
    )

    assert found.sentences == {"greeting": 'Say "hello"\n\tto \\ 할머니'}


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('msgid "a"\nmsgstr ""\n', 6, "'a' has no words"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', 9, "'a' twice"),
        ('msgid ""\nmsgstr "b"\n', 6, "twice"),
        ('msgid "a"\nmsgstr "b"\nmsgstr "c"\n', 8, "belongs to no message"),
        ('msgid "a"\nmsgid_plural "a"\nmsgstr[0] "b"\n', 6, "2 forms"),
        ('msgid "a"\nmsgid_plural "a"\nmsgstr[0] "b"\nmsgstr[1] "c"\nmsgstr[2] "d"\n', 6, "2 forms"),
        ('msgid "a"\nmsgid_plural "a"\nmsgstr "b"\n', 6, "neither"),
        ('msgid "a"\nmsgstr[0] "b"\nmsgstr[1] "c"\n', 6, "neither"),
        ('msgid "a"\n', 6, "neither"),
        ('#, fuzzy\nmsgid "a"\nmsgstr "b"\n', 6, "fuzzy"),
        ('#~ msgid "a"\n#~ msgstr "b"\n', 6, "#~"),
        ('msgctxt "x"\nmsgid "a"\nmsgstr "b"\n', 6, "msgctxt"),
        ('msgid "a"\nmsgstr "b\n', 7, "nothing that a catalogue"),
        ('msgid "a"\nmsgstr "b\\q"\n', 7, "nothing that a catalogue"),
        ('msgid "a"\nmsgstr "b" "c"\n', 7, "nothing that a catalogue"),
        ('msgid a\nmsgstr "b"\n', 6, "nothing that a catalogue"),
    ],
)
def test_what_is_not_finished_is_refused_with_file_and_line(po, text, line, why):
    path = po(text)

    with pytest.raises(PoUnreadable) as refused:
        read_po(path)
    assert str(refused.value).startswith(f"{path}, line {line}: ")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "header"),
        ('msgid "a"\nmsgstr "b"\n', "header"),
        ('msgstr "b"\n', "belongs to no message"),
        ('"b"\n', "belongs to no message"),
        ('msgid ""\nmsgstr "Language: en\\n"\n', "Plural-Forms cannot be read"),
        ('msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n ! 1);\\n"\n', "Plural-Forms cannot be read"),
        ('msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=__import__(1);\\n"\n', "cannot be read"),
    ],
)
def test_a_catalogue_begins_with_its_header(po, header, why):
    with pytest.raises(PoUnreadable, match="line 1: ") as refused:
        read_po(po("", header))
    assert why in str(refused.value)


def test_a_catalogue_is_utf_8(tmp_path):
    (tmp_path / "some.po").write_bytes(HEADER.encode() + 'msgid "a"\nmsgstr "할머니"\n'.encode("cp949"))

    with pytest.raises(PoUnreadable, match=r"some\.po is not UTF-8"):
        read_po(tmp_path / "some.po")


def test_no_identifier_and_no_other_plural_stands_in_a_second_catalogue(tmp_path):
    (tmp_path / "a.po").write_text(HEADER + 'msgid "a"\nmsgstr "b"\n')
    (tmp_path / "b.po").write_text(HEADER + 'msgid "a"\nmsgid_plural "a"\nmsgstr[0] "b"\nmsgstr[1] "c"\n')
    with pytest.raises(PoUnreadable, match=r"b\.po: 'a' stands in another catalogue"):
        read_language(tmp_path)

    (tmp_path / "b.po").write_text(HEADER.replace("n != 1", "n > 1"))
    with pytest.raises(PoUnreadable, match=r"b\.po: its Plural-Forms are not those of a\.po"):
        read_language(tmp_path)
