"""What Prometheus would read: the metrics of a scrape, and those that docs/en/metrics.md tells of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from support import leaks

PROJECT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| `(capsule_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
_LABEL = re.compile(r"`(\w+)`")
#: What the samples of a histogram have besides its own labels and name.
_OF_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


@dataclass(frozen=True)
class Told:
    """A metric: its name as Prometheus stores it (a histogram's without `_bucket`), its type and its labels."""

    name: str
    kind: str
    labels: frozenset[str]


@dataclass(frozen=True)
class Scrape:
    """The text that a listener answered, and its samples by name and labels."""

    text: str
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(init=False)

    def __post_init__(self) -> None:
        leaks.hear_metrics(self.text)
        samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }
        object.__setattr__(self, "samples", samples)

    def __getitem__(self, asked: str) -> float:
        """The value of `name` or `name{label="value",...}`, written as Prometheus writes it."""
        name, _brace, labels = asked.partition("{")
        return self.samples[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))]

    def __contains__(self, name: str) -> bool:
        return any(name == found for found, _labels in self.samples)

    @property
    def names(self) -> set[str]:
        """The names of all samples."""
        return {name for name, _labels in self.samples}

    @property
    def told(self) -> set[Told]:
        """Our own metrics that it holds samples of."""
        return set(self._told())

    def _told(self) -> Iterator[Told]:
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples if family.name.startswith("capsule_") else ():
                is_histogram = family.type == "histogram"
                name = _OF_HISTOGRAM.sub("", sample.name) if is_histogram else sample.name
                yield Told(name, family.type, frozenset(sample.labels) - ({"le"} if is_histogram else set()))


def documented() -> set[Told]:
    """The metrics that docs/en/metrics.md tells of."""
    text = (PROJECT / "docs/en/metrics.md").read_text(encoding="utf-8")
    return {Told(name, kind, frozenset(_LABEL.findall(labels))) for name, kind, labels in _ROW.findall(text)}
