"""From what settings say to where blobs lie."""

from __future__ import annotations

from pathlib import Path

from memorycapsule.config import Settings
from memorycapsule.errors import ConfigurationProblem
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.media.storage.folder import LocalBlobs, ids_in


def open_blobs(settings: Settings, url: str | None = None) -> Blobs:
    """
    Return where blobs lie by the settings, or at another `url` of theirs; a folder is made if need be.

    Nothing is asked of a service yet. Raises ConfigurationProblem where a bucket is meant and obstore is missing.
    """
    url = url or settings.used_blobs_url
    if url.startswith("file://"):
        return LocalBlobs(Path(url.removeprefix("file://")))
    bucket, _slash, prefix = url.removeprefix("s3://").partition("/")
    try:
        # Loaded only where it is used: it is no part of the usual installation.
        from memorycapsule.media.storage.bucket import BucketAccess, BucketBlobs
    except ImportError as error:
        raise ConfigurationProblem("blob_storage_not_installed") from error
    s3 = settings.s3
    access = BucketAccess(
        bucket=bucket,
        prefix=prefix,
        endpoint=s3.endpoint,
        region=s3.region,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key.get_secret_value() if s3.secret_access_key else None,
    )
    return BucketBlobs(access, lock=settings.blobs_lock)


def count_at(settings: Settings) -> int:
    """Return how many blobs there are by the settings. Nothing is made or changed. Raises what `open_blobs` does."""
    url = settings.used_blobs_url
    folder = Path(url.removeprefix("file://")) if url.startswith("file://") else None
    return sum(1 for _ in (ids_in(folder) if folder else open_blobs(settings)))
