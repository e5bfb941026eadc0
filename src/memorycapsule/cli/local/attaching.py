"""Files of this machine into a story of this machine: decoded in limited children, and sealed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from memorycapsule.app import App
from memorycapsule.cli.files import StoredMedium, open_regular, readable_name, size_of
from memorycapsule.cli.instance import Attaching
from memorycapsule.cli.output import Output, plain
from memorycapsule.domain.stories import Viewer
from memorycapsule.schemas.stories import Medium
from memorycapsule.services import stories


@contextmanager
def attaching(
    app: App, viewer: Viewer, story_id: str, paths: Sequence[Path], out: Output
) -> Iterator[Attaching]:
    """Get ready to attach these files, as many at a time as there are decoders, and show how far that is."""
    words = out.words("cli_progress_putting_in")
    sizes = {path: size_of(path) for path in paths}
    with (
        app.decoders() as decoders,
        out.progress(words, sum(sizes.values()), counts_bytes=True) as bar,
    ):

        def attach(path: Path, position: int | None) -> StoredMedium:
            bar.take_up(plain(path.name))
            try:
                with open_regular(path) as file, closing(app.read_file(file)) as upload:
                    attached = stories.attach(
                        app.store,
                        app.vault,
                        decoders.prepare,
                        viewer,
                        story_id,
                        file=readable_name(path),
                        upload=upload,
                        position=position,
                        limits=app.upload_limits,
                        clock=app.now,
                    )
            finally:
                # A file that is tried again has been counted.
                bar.advance(sizes.pop(path, 0))
            medium = Medium.of(attached.medium, attached.details, attached.taken_local)
            return StoredMedium(medium=medium, is_duplicate=attached.is_duplicate)

        yield Attaching(attach=attach, at_once=app.settings.media.decoders)
