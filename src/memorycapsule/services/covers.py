"""The cover of a capsule on its way to whoever may see it, before the date, too: it is not sealed."""

from __future__ import annotations

from typing import Literal

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.media.covers import small_cover
from memorycapsule.services import reading
from memorycapsule.services.reading import OpenedFile
from memorycapsule.services.vault import BlobSource, Vault, unnamed_file
from memorycapsule.store.transactions import Store, Transaction

#: The small form is for telephones: at most 800 pixels on its long side.
CoverForm = Literal["display", "small"]


def cover_file(
    store: Store, vault: Vault, viewer: Viewer, reference: str, form: CoverForm = "display"
) -> OpenedFile:
    """Return the cover of a capsule, a JPEG, which members see before the date, too. Raises NotFound."""
    with store.reading() as tx:
        source = cover_source(tx, vault, reading.standing_in(tx, viewer, reference).capsule)
    return opened_cover(source, form)


def cover_source(tx: Transaction, vault: Vault, found: Capsule) -> BlobSource:
    """Return what opens the cover of a capsule, for somebody who may see it. Raises NotFound."""
    if found.cover_blob is None:
        raise NotFound("cover_missing")
    return vault.source_of(tx, found.cover_blob)


def opened_cover(source: BlobSource, form: CoverForm) -> OpenedFile:
    """Return the cover that a source opens in one of its forms, on its way to a viewer."""
    stream = source.open()
    if form == "small":
        with stream:
            small = small_cover(stream.read())
        stream = unnamed_file(source.vault.workspace, len(small))
        stream.write(small)
        stream.seek(0)
    return OpenedFile(stream=stream, content_type="image/jpeg", name="cover.jpg", is_private=True)
