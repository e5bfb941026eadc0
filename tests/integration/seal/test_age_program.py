"""Without this program, Debian's `age` still opens everything."""

import io
import shutil
import subprocess

import pytest

from memorycapsule.seal import envelopes
from memorycapsule.seal.keys import InstanceKey

pytestmark = pytest.mark.skipif(
    shutil.which("age") is None, reason="needs the program `age` (apt install age)"
)


def age(*arguments, stdin=b""):
    return subprocess.run(["age", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


def test_age_opens_a_capsule_with_the_key_file_alone(tmp_path):
    holder = InstanceKey.create(tmp_path / "instance.key")
    capsule = envelopes.new_capsule_key()
    envelope = envelopes.wrap(capsule.identity, holder.recipient)
    sealed = io.BytesIO()
    envelopes.seal_stream(io.BytesIO("할머니의 이야기".encode() * 10_000), sealed, capsule.recipient)

    (tmp_path / "capsule.key").write_bytes(age("-d", "-i", tmp_path / "instance.key", stdin=envelope))
    opened = age("-d", "-i", tmp_path / "capsule.key", stdin=sealed.getvalue())

    assert opened.decode() == "할머니의 이야기" * 10_000


def test_we_open_what_age_sealed():
    capsule = envelopes.new_capsule_key()

    sealed = age("-r", capsule.recipient, stdin=b"from the command line")

    assert envelopes.unseal_bytes(sealed, capsule.identity) == b"from the command line"
