"""Two daemons behind nginx, which asks them in turn: people notice nothing of it, and limits hold."""

import base64
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest

from cluster.nodes import nginx
from memorycapsule.daemon.http.protocol import costs
from memorycapsule.store import schema
from support.cast import add_story, join, make_capsule, make_instance, make_photo
from support.mailservers import MailServer
from support.servers import Daemon, free_port

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

TUS = {"tus-resumable": "1.0.0"}
PIECE = TUS | {"content-type": "application/offset+octet-stream"}


@pytest.fixture
def house(tmp_path, postgres):
    """An instance on Postgres with Ben's story, and the address of its site behind nginx."""
    url = postgres.create_database()
    port = free_port()
    now = datetime.now(UTC)
    with ExitStack() as stack:
        sink = stack.enter_context(MailServer())
        instance = stack.enter_context(make_instance(url, tmp_path / "shared", now=now))
        schema.upgrade(instance.store, with_engine=True)
        capsule = make_capsule(instance, now=now, opens=now.replace(year=now.year + 5))
        ben = join(instance, capsule, "Ben", now=now)
        story = add_story(instance, capsule, ben.viewer, photos=0, now=now)
        (tmp_path / "shared" / "blobs").mkdir(exist_ok=True)
        (tmp_path / "shared" / "config.toml").touch()
        environment = {
            "CAPSULE_CONFIG": str(tmp_path / "shared" / "config.toml"),
            "CAPSULE_KEY_FILE": str(instance.key_file),
            "CAPSULE_STORE_URL": url,
            "CAPSULE_CLUSTER": "true",
            "CAPSULE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "CAPSULE_DAEMON__PORT": "0",
            "CAPSULE_SMTP__HOST": sink.host,
            "CAPSULE_SMTP__PORT": str(sink.port),
            "CAPSULE_SMTP__SECURITY": "none",
        }
        webs = []
        for number in range(2):
            folder = tmp_path / f"web{number}"
            folder.mkdir()
            # The nodes share nothing but the stored files.
            (folder / "blobs").symlink_to(tmp_path / "shared" / "blobs")
            own = environment | {"CAPSULE_DATA_DIR": str(folder)}
            webs.append(stack.enter_context(Daemon(own, "--queues", "none", deadline_seconds=120)))
        stack.enter_context(nginx(webs, tmp_path / "nginx", port))
        yield f"http://127.0.0.1:{port}", ben.token, story.id
    postgres.drop_database(url)


def test_a_limit_an_upload_in_pieces_and_a_session_hold_behind_nginx(house):
    address, token, story = house
    jpeg = make_photo(width=200, height=150)
    about = (
        f"filename {base64.b64encode(b'a.jpg').decode()},story {base64.b64encode(story.encode()).decode()}"
    )
    with httpx.Client(base_url=address, cookies={"capsule": token}, timeout=60) as ben:
        begun = ben.post(
            "/g/u", headers=TUS | {"upload-length": str(len(jpeg)), "upload-metadata": about}
        ).headers["location"]
        offsets = [
            ben.patch(
                begun, content=jpeg[start : start + 1000], headers=PIECE | {"upload-offset": str(start)}
            ).headers["upload-offset"]
            for start in range(0, len(jpeg), 1000)
        ]
        medium = ben.get(begun).json()["medium"]
        originals = [ben.get(f"/g/m/{medium}/original").content for _ in range(2)]
    with httpx.Client(base_url=address, timeout=60) as anybody:
        asked = [
            anybody.post("/sign-in", data={"address": "ben@example.org"}).status_code
            for _ in range(costs.SIGN_IN.at_once + 4)
        ]

    assert len(offsets) > 2
    assert offsets[-1] == str(len(jpeg))
    assert originals == [jpeg, jpeg]
    assert asked[: costs.SIGN_IN.at_once] == [303] * costs.SIGN_IN.at_once
    # A busy machine may be so slow that there is a token again.
    assert 429 in asked
