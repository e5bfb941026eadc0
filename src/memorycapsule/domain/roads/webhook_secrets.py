"""Secrets that messages to webhooks are signed with, as Standard Webhooks writes them."""

from __future__ import annotations

import base64
import binascii

from memorycapsule.errors import UsageProblem

_PREFIX = "whsec_"
#: How long a secret is, in bytes.
_SHORTEST, _LONGEST = 24, 64


def secret_bytes(secret: str) -> bytes:
    """Return the bytes of a secret: `whsec_`, and 24 to 64 bytes in Base64 behind it. Raises UsageProblem."""
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageProblem("webhook_secret_unclear") from error
    if not (secret.startswith(_PREFIX) and _SHORTEST <= len(found) <= _LONGEST):
        raise UsageProblem("webhook_secret_unclear")
    return found
