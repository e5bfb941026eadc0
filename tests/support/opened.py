"""What has become of a stage's capsule: it is open, and its film is there."""

from memorycapsule.services import opening
from memorycapsule.services.film import montages
from memorycapsule.services.film.montages import RenderedFilm
from memorycapsule.store import montages as montage_store
from support.cast import (
    OPENS,
)


def open_it(stage):
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)


def make_film(stage, tmp_path):
    """A film that is ready, of bytes that only claim to be one."""
    waiting = montages.renderable(stage.instance.store, OPENS)
    (film,) = [one for one in waiting if one.capsule_id == stage.capsule.id]
    taken = montages.claim(stage.instance.store, film.id, lease="run", now=OPENS)
    (tmp_path / "film.mp4").write_bytes(b"a film")
    (tmp_path / "poster.jpg").write_bytes(b"a poster")
    rendered = RenderedFilm(
        film=tmp_path / "film.mp4", poster=tmp_path / "poster.jpg", seconds=2.0, report=()
    )
    assert montages.keep(
        stage.instance.store, stage.instance.vault, stage.instance.wake, taken, rendered, now=OPENS
    )
    return film


def film_id(stage):
    with stage.instance.store.reading() as tx:
        found = montage_store.of_opening(tx, stage.capsule.id)
    return found.id if found else "none"
