"""The index template of the samples for the log, and which fields it knows."""

import json
from pathlib import Path
from typing import Any

_TEMPLATE = Path(__file__).parents[2] / "deploy" / "logs" / "index-template.json"


def template_fields() -> set[str]:
    """The fields that the template has a type for, in one word each."""
    return _mapped(json.loads(_TEMPLATE.read_text())["template"]["mappings"]["properties"])


def _mapped(properties: dict[str, Any], before: str = "") -> set[str]:
    fields: set[str] = set()
    for name, one in properties.items():
        inner = one.get("properties")
        fields |= _mapped(inner, f"{before}{name}.") if inner else {f"{before}{name}"}
    return fields
