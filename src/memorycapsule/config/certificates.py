"""Which certificates of other servers are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return what trusts the usual certificates, and those in `ca_file` besides. Raises OSError for a file of none."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
