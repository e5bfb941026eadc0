"""
Envelopes: everything sealed is an age file (https://c2sp.org/age), which Debian's `age -d` opens without this program.

Each capsule has one X25519 key pair. Stories are encrypted to its public half. The private half is itself encrypted
(wrapped), once for each holder: the instance key and the recovery key. Any single holder can open the capsule, so that
the loss of one key loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from pyrage import pyrage
from pyrage.pyrage import x25519

from memorycapsule.errors import CapsuleError, UsageProblem, WrongKey

# pyrage's message when no stanza of an age file matches the key. A flipped bit in a stanza gives the same message.
_NO_MATCH = "No matching keys found"


class DamagedEnvelope(CapsuleError):
    """Sealed bytes were changed, or were sealed for another key."""

    code = "damaged"


@dataclass(frozen=True, kw_only=True)
class CapsuleKey:
    """The key pair of one capsule."""

    #: The public half, "age1...": whoever has it can seal something.
    recipient: str
    #: The private half, "AGE-SECRET-KEY-1...": stored only when wrapped, never shown.
    identity: str = field(repr=False)


def new_capsule_key() -> CapsuleKey:
    """Generate an X25519 key pair."""
    identity = x25519.Identity.generate()
    return CapsuleKey(recipient=str(identity.to_public()), identity=str(identity))


def recipient_of(identity: str) -> str:
    """Return the public half "age1..." of a private key. Raises UsageProblem when it is no private key."""
    return str(_identity(identity).to_public())


def valid_recipient(text: str) -> str:
    """
    Return an age public key in its usual form, surrounding spaces removed.

    Raises UsageProblem for anything else. For a *private* key the error does not repeat it.
    """
    stripped = text.strip()
    if stripped.upper().startswith("AGE-SECRET-KEY-"):
        raise UsageProblem("key_is_private")
    try:
        return str(x25519.Recipient.from_str(stripped))
    except pyrage.RecipientError as error:
        raise UsageProblem("public_key_unclear", key=stripped) from error


def is_recipient(text: str) -> bool:
    """Say whether a text is an age public key, which carries a checksum."""
    try:
        x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return False
    return True


def wrap(identity: str, recipient: str) -> bytes:
    """Return a capsule's private key as an age file that only the private half of `recipient` opens."""
    return seal_bytes(str(_identity(identity)).encode("ascii"), recipient)


def unwrap(envelope: bytes, holder_identity: str) -> str:
    """
    Return the capsule's private key from one holder's envelope.

    Raises WrongKey when the envelope was made for another holder, DamagedEnvelope when its bytes have changed.
    """
    try:
        plain: bytes = pyrage.decrypt(envelope, [_identity(holder_identity)])
    except pyrage.DecryptError as error:
        if str(error) == _NO_MATCH:
            raise WrongKey from error
        raise DamagedEnvelope("key_envelope_damaged") from error
    try:
        return str(_identity(plain.decode("ascii")))
    except (UsageProblem, UnicodeDecodeError) as error:
        raise DamagedEnvelope("key_envelope_empty") from error


def seal_bytes(plain: bytes, recipient: str) -> bytes:
    """Return `plain` as an age file (about 230 bytes longer, plus 16 for every 64 KiB)."""
    sealed: bytes = pyrage.encrypt(plain, [_recipient(recipient)])
    return sealed


def unseal_bytes(sealed: bytes, identity: str) -> bytes:
    """Return the plain bytes. Raises DamagedEnvelope when a bit has changed or the key is of another capsule."""
    try:
        plain: bytes = pyrage.decrypt(sealed, [_identity(identity)])
    except pyrage.DecryptError as error:
        raise _damage(error) from error
    return plain


def seal_stream(source: BinaryIO, sink: BinaryIO, recipient: str) -> None:
    """
    Encrypt `source` to its end into `sink`, in constant memory. The caller syncs and closes both.

    Errors of `source` and `sink` (a full disk: OSError with ENOSPC) pass through as they were raised.
    """
    reading, writing = _ErrorKeeper(source), _ErrorKeeper(sink)
    try:
        pyrage.encrypt_io(reading, writing, [_recipient(recipient)])
    except (pyrage.EncryptError, OSError) as error:
        raise (reading.failure or writing.failure or error) from None
    _check_last_write(writing)


def unseal_stream(source: BinaryIO, sink: BinaryIO, identity: str) -> None:
    """
    Decrypt `source` to its end into `sink`, in constant memory. The caller syncs and closes both.

    Plaintext is written before a truncation or change is noticed (age authenticates 64 KiB at a time). So `sink` must
    be a private temporary file that the caller discards when this raises. It must not be a socket, nor a file that
    others can already see under its final name.

    Raises DamagedEnvelope when the age file has changed, or was sealed for another key. Errors of `source` and `sink`
    (a full disk: OSError with ENOSPC) pass through as they were raised.
    """
    reading, writing = _ErrorKeeper(source), _ErrorKeeper(sink)
    try:
        pyrage.decrypt_io(reading, writing, [_identity(identity)])
    except (pyrage.DecryptError, OSError) as error:
        if failure := reading.failure or writing.failure:
            raise failure from None
        # pyrage reports a change after the header as an OSError without a number.
        raise _damage(error) from error
    _check_last_write(writing)


class _ErrorKeeper:
    """A stream that keeps the error it raised, since pyrage passes on an error's message only."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except BaseException as error:
            self.failure = error
            raise

    def write(self, data: bytes) -> int:
        try:
            return self._stream.write(data)
        except BaseException as error:
            self.failure = error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BaseException as error:
            self.failure = error
            raise


def _check_last_write(sink: _ErrorKeeper) -> None:
    """Raise the error of the last write: pyrage flushes its buffer at the end and ignores an error of that."""
    if sink.failure:
        raise sink.failure


def _damage(error: Exception) -> DamagedEnvelope:
    return DamagedEnvelope("damaged_or_of_another_key") if str(error) == _NO_MATCH else DamagedEnvelope()


def _identity(text: str) -> x25519.Identity:
    try:
        return x25519.Identity.from_str(text)
    except pyrage.IdentityError as error:
        # The error never repeats the text: it may be a private key with one wrong letter.
        raise UsageProblem("private_key_unclear") from error


def _recipient(text: str) -> x25519.Recipient:
    try:
        return x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise UsageProblem("public_key_unclear", key=text) from error
