"""Where a browser reads photos and films of open capsules when it need not ask us: for some minutes, at the bucket."""

from __future__ import annotations

from typing import Literal

from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.services import reading
from memorycapsule.services.reading import Form
from memorycapsule.services.vault import Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store.transactions import Store


def medium_address(store: Store, vault: Vault, viewer: Viewer, medium_id: str, form: Form) -> str | None:
    """Return where a form of a medium is read, None where it comes from us. Raises NotFound as `medium_file` does."""
    if not vault.has_addresses:
        return None
    with store.reading() as tx:
        medium = reading.viewable_medium(tx, viewer, medium_id)
        blob_id: str | None = getattr(medium, f"{form}_blob")
        if blob_id is None:
            raise NotFound("medium_unknown")
        if not capsule_store.capsules.get(tx, medium.capsule_id).is_open:
            return None
        source = vault.source_of(tx, blob_id)
    return source.address()


def montage_address(
    store: Store, vault: Vault, viewer: Viewer, montage_id: str, what: Literal["film", "poster"]
) -> str | None:
    """Return where a film or its poster is read, None where it comes from us. Raises NotFound as `film_file` does."""
    if not vault.has_addresses:
        return None
    with store.reading() as tx:
        found, _member = reading.montage(tx, viewer, montage_id)
        blob_id = found.film_blob if what == "film" else found.poster_blob
        if blob_id is None:
            raise NotFound("film_not_ready")
        source = vault.source_of(tx, blob_id)
    return source.address()
