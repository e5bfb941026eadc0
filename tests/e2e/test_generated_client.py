"""A client that a generator makes of the API's document walks a whole life, files and uploads included."""

import base64
import io
import re
import subprocess
import venv
import zipfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit
from uuid import UUID

import cv2
import httpx
import numpy as np
import pytest

from support.cast import make_photo
from support.household import Household
from support.servers import is_missing, wait_until

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
CONFIG = PROJECT / "docs" / "openapi-python-client.yml"
TUS = {"tus_resumable": "1.0.0"}


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """The generator, in an environment of its own: it wants other versions of libraries than the program."""
    folder = tmp_path_factory.mktemp("generator")
    venv.create(folder, with_pip=True)
    lock = PROJECT / "requirements" / "generator.lock"
    done = subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        is_missing(f"The generator of clients cannot be installed: {done.stderr[-300:]}")
    return folder / "bin" / "openapi-python-client"


def generate(generator: Path, document: str, folder: Path) -> SimpleNamespace:
    """Generate a client, and return its modules by name; the generator has nothing to complain about."""
    (folder / "openapi.json").write_text(document)
    done = subprocess.run(
        [generator, "generate", "--path", folder / "openapi.json", "--config", CONFIG, "--meta", "none",
         "--output-path", folder / "generated_client", "--fail-on-warning"],
        capture_output=True, text=True, check=False, env={"PATH": f"{generator.parent}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    api = folder / "generated_client" / "api"
    return SimpleNamespace(
        client=import_module("generated_client.client"),
        models=import_module("generated_client.models"),
        types=import_module("generated_client.types"),
        **{
            path.stem: import_module(f"generated_client.api.{path.parent.name}.{path.stem}")
            for path in api.glob("*/*.py")
            if path.stem != "__init__"
        },
    )


@pytest.fixture
def house(tmp_path):
    return Household(tmp_path / "house")


def digits(house, address):
    """The digits of the newest letter to an address."""
    letters = sorted((house.folder / "data" / "mailbox").glob("*.eml"), key=lambda path: path.stat().st_mtime)
    mine = [
        text for text in (path.read_text() for path in letters) if f"To: {address}" in text or address in text
    ]
    found = [match for text in mine if (match := re.search(r"\b(\d{3}) (\d{3})\b", text))]
    return "".join(found[-1].groups()) if found else ""


def encoded(**fields):
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())


def put_in(made, client, story, name, data):
    """Send a file as an upload in two parts; what it has become."""
    announced = made.uploads_create.sync_detailed(
        client=client, upload_length=len(data), upload_metadata=encoded(story=story, filename=name), **TUS
    )
    assert announced.status_code == 201
    upload = UUID(urlsplit(announced.headers["location"]).path.rpartition("/")[2])
    middle = len(data) // 2
    for start, part in ((0, data[:middle]), (middle, data[middle:])):
        sent = made.uploads_send.sync_detailed(
            upload, client=client, upload_offset=start, body=made.types.File(payload=io.BytesIO(part)), **TUS
        )
        assert sent.status_code == 204
    wait_until(
        lambda: made.uploads_show.sync(upload, client=client).stage == "kept", 60, "the photo is in the story"
    )
    assert sent.headers["capsule-stage"] in {"waiting", "kept"}
    return made.uploads_show.sync(upload, client=client)


def test_a_generated_client_walks_a_whole_life(generator, house, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    with house.daemon() as daemon, ExitStack() as clients:
        made = generate(generator, httpx.get(f"{daemon.url}/api/openapi.json").text, tmp_path)
        models = made.models
        anybody = clients.enter_context(made.client.Client(base_url=daemon.url))

        def known(token):
            return clients.enter_context(made.client.AuthenticatedClient(base_url=daemon.url, token=token))

        made.session_ask.sync_detailed(client=anybody, body=models.SignIn(email="ada@example.org"))
        code = wait_until(lambda: digits(house, "ada@example.org"), 30, "digits are mailed")
        signed_in = made.session_sign_in.sync(
            client=anybody, body=models.SignInCode(email="ada@example.org", code=code)
        )
        ada = known(signed_in.token)
        capsule = made.capsules_create.sync(
            client=ada,
            body=models.NewCapsule(title="The summer", opens="+25s", theme="classic", zone="UTC"),
        ).capsule
        covered = made.capsules_put_cover.sync(
            capsule.id,
            client=ada,
            body=models.BodyCapsulesPutCover(
                file=made.types.File(
                    payload=io.BytesIO(make_photo(width=320, height=240)), file_name="cover.jpg"
                )
            ),
        )
        assert covered.capsule.has_cover

        (invited,) = made.invitations_invite.sync(
            capsule.id, client=ada, body=models.NewInvitations(emails=["ben@example.org"])
        ).invitations
        joined = made.invitations_join.sync(
            client=anybody, body=models.Accept(token=invited.token, name="Ben")
        )
        ben = known(joined.token)
        story = made.stories_add.sync(
            capsule.id, client=ben, body=models.NewStory(title="At the pier", text="Until dark.")
        ).story
        photo = make_photo(width=640, height=480)
        kept = put_in(made, ben, str(story.id), "pier.jpg", photo)

        def shown():
            return made.capsules_show.sync(capsule.id, client=ben).capsule

        wait_until(lambda: shown().state == "open", 90, "the capsule is open")
        (film,) = wait_until(
            lambda: [one for one in shown().montages if one.state in {"ready", "degraded"}],
            120,
            "the film is there",
        )
        picture = made.media_file.sync(UUID(str(kept.medium)), "display", client=ada).payload.read()
        original = made.media_file.sync(UUID(str(kept.medium)), "original", client=ada).payload.read()
        movie = made.montages_film.sync(UUID(str(film.id)), client=ada).payload.read()
        everything = made.capsules_show_everything.sync(capsule.id, client=ada).payload.read()

    assert original == photo
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)
    assert movie[4:8] == b"ftyp"
    with zipfile.ZipFile(io.BytesIO(everything)) as archive:
        assert archive.testzip() is None
        assert any(name.endswith("pier.jpg") for name in archive.namelist())
