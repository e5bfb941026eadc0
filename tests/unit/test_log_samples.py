"""The samples of deploy/logs can be parsed, know the fields of the reference, and take from nginx what tells of visitors."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.index_templates import template_fields

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "deploy" / "logs"
REFERENCE = (PROJECT / "docs" / "en" / "events.md").read_text()
TOKEN = "c2VjcmV0LXRva2VuLW9mLWEtbGV0dGVyLW9mLWhlcnM"
#: Lines as nginx 1.22 has written them.
ABOUT = f', client: 127.9.8.7, server: photos.example.org, request: "GET /g/i/{TOKEN} HTTP/1.1"'
LINES = {
    "2026/11/30 22:51:39 [notice] 31201#31201: start worker processes": ("notice", "start worker processes"),
    "2026/11/30 22:51:40 [error] 31206#31206: *5 connect() failed (111: Connection refused) while connecting to upstream"
    f'{ABOUT}, upstream: "http://127.0.0.1:8484/g/i/{TOKEN}", host: "photos.example.org", referrer: "http://x/Ada"': (
        "error", "connect() failed (111: Connection refused) while connecting to upstream",
    ),
    "2026/11/30 22:51:40 [info] 31206#31206: *3 client 127.9.8.7 closed keepalive connection": (
        "info", "client (address) closed keepalive connection",
    ),
    f'2026/11/30 22:51:41 [crit] 31206#31206: *9 open() "/srv/g/i/{TOKEN}/cover" failed (13: Permission denied){ABOUT}': (
        "crit", 'open() "/srv/g/i/(token)/cover" failed (13: Permission denied)',
    ),
    f"2026/11/30 22:51:41 [warn] 31206#31206: *7 an upstream response is buffered to a file{ABOUT}": (
        "warn", "an upstream response is buffered to a file",
    ),
}  # fmt: skip


def patterns() -> dict[str, str]:
    """The patterns that Logstash is given, by name."""
    lines = (SAMPLES / "patterns" / "memorycapsule").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def expression(pattern: str) -> str:
    """What Logstash makes of a pattern: each `%{NAME:field}` is the pattern of that name, as a group of that name."""
    known = patterns()

    def inner(match: re.Match[str]) -> str:
        group = f"?P<{match[2]}>" if match[2] else "?:"
        return f"({group}{expression(known[match[1]])})"

    return re.sub(r"%\{(\w+)(?::(\w+))?\}", inner, pattern)


def replacements() -> list[tuple[str, str]]:
    """What Logstash replaces in the words of a line, and by what."""
    (listed,) = re.findall(r"gsub => \[(.*?)\n      \]", (SAMPLES / "logstash.conf").read_text(), re.DOTALL)
    return re.findall(r'"message", "([^"]+)", "([^"]+)"', listed)


@pytest.fixture(scope="module")
def template() -> set[str]:
    return template_fields()


@pytest.mark.parametrize("line", LINES, ids=[level for level, _words in LINES.values()])
def test_the_pattern_of_nginx_errors_keeps_what_happened_and_not_to_whom(line):
    level, words = LINES[line]
    found = re.search(expression("%{NGINX_ERROR}"), line)

    assert found is not None
    kept = found["words"]
    for pattern, replacement in replacements():
        kept = re.sub(pattern, replacement, kept)
    assert (found["level"], kept) == (level, words)
    assert re.fullmatch(r"\d+", found["pid"])
    assert not [one for one in (TOKEN, "127.9.8.7", "Ada", "photos.example.org") if one in kept]


def test_logstash_names_patterns_and_fields_that_there_are(template):
    settings = (SAMPLES / "logstash.conf").read_text()
    code = re.sub(r'#.*|"(?:[^"\\]|\\.)*"', "", settings)
    made = {found.strip("[]").replace("][", ".") for found in re.findall(r'"((?:\[\w+\])+)"', settings)}
    groups = set(re.compile(expression("%{NGINX_ERROR}")).groupindex)

    assert [code.count(one) for one in "{["] == [code.count(one) for one in "}]"]
    assert re.findall(r"^(\w+) \{", settings, re.MULTILINE) == ["input", "filter", "output"]
    assert set(re.findall(r"%\{([A-Z_]+)\}", settings)) <= patterns().keys()
    assert groups == {"time", "level", "pid", "words"}
    assert all(f'"{group}"' in settings or f"%{{{group}}}" in settings for group in groups)
    assert made - {"event.original"} <= template
    assert f"port => {filebeat()['output.logstash']['hosts'][0].partition(':')[2]}" in settings


def filebeat() -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((SAMPLES / "filebeat.yml").read_text())
    return settings


def test_filebeat_reads_the_files_of_the_other_samples_and_leaves_sentences_out():
    inputs = {one["id"]: one for one in filebeat()["filebeat.inputs"]}
    read = {path for one in inputs.values() for path in one["paths"]}
    others = "".join((SAMPLES / name).read_text() for name in ("rsyslog.conf", "nginx-log.conf")) + REFERENCE

    assert [path for path in sorted(read) if path not in others] == ["/var/log/nginx/error.log"]
    assert inputs["memorycapsule-nginx-errors"]["tags"] == ["nginx-error"]
    assert '"nginx-error" in [tags]' in (SAMPLES / "logstash.conf").read_text()
    lines = inputs["memorycapsule-daemon"]
    assert lines["parsers"][0]["ndjson"] == inputs["memorycapsule-nginx"]["parsers"][0]["ndjson"]
    assert lines["parsers"][0]["ndjson"]["expand_keys"], "the names of our fields have dots"
    (only,) = lines["include_lines"]
    said = [
        '{"message":"daemon.ready"}',
        "MemoryCapsule is at http://127.0.0.1:8484. Ctrl-C ends it cleanly.",
    ]
    assert [bool(re.search(only, line)) for line in said] == [True, False]


def test_the_index_template_has_a_type_for_every_field_of_the_reference(template):
    of_all_lines = re.findall(r"`([@a-z_.]+)`", REFERENCE.partition("## Fields")[2].partition("## From")[0])
    of_events = [
        field
        for fields in re.findall(
            r"^\| `[a-z.]+\.[a-z_]+` \| [a-z, ]+ \| ([a-z_, ]+) \|", REFERENCE, re.MULTILINE
        )
        for field in fields.strip().split(", ")
    ]
    elsewhere = {"bytes", "capsule", "code", "error", "pid", "reason", "took_seconds", "url"}
    words = {"debug", "capsule.", "memorycapsule", "memorycapsule.log", "reason"}

    assert set(of_all_lines) - words <= template
    assert {f"capsule.{field}" for field in of_events if field not in elsewhere} <= template


def test_saved_searches_show_fields_that_there_are_and_refer_to_each_other(template):
    lines = (SAMPLES / "saved-searches.ndjson").read_text().splitlines()
    objects = {(one["type"], one["id"]): one for one in map(json.loads, lines)}
    assert len(objects) == len(lines)
    for one in objects.values():
        shown = one["attributes"]
        source = json.loads(shown.get("kibanaSavedObjectMeta", {}).get("searchSourceJSON", "{}"))
        visible = json.loads(shown.get("visState", '{"aggs": []}'))
        grouped = [part["params"]["field"] for part in visible["aggs"] if "field" in part["params"]]
        asked = re.findall(r"([a-z_.]+) ?(?::|>)", source.get("query", {}).get("query", ""))

        assert {(ref["type"], ref["id"]) for ref in one["references"]} <= objects.keys()
        assert {*shown.get("columns", []), *grouped, *asked} <= template
    by_path_and_code = objects["visualization", "memorycapsule-requests-by-path-and-code"]["attributes"][
        "visState"
    ]
    assert [part["params"].get("field") for part in json.loads(by_path_and_code)["aggs"]] == [
        None, "url.path", "http.response.status_code",
    ]  # fmt: skip
