"""A backup while the daemon works, and what it becomes elsewhere, from outside."""

import base64
import shutil
import threading
from datetime import timedelta

import httpx
import pytest

from support.cast import make_photo
from support.household import Household
from support.servers import wait_until

TUS = {"tus-resumable": "1.0.0"}
UPLOADS = 5


def send_slowly(client, story, number, has_begun, is_over):
    """Send a photo as an upload in many small parts, for as long as the backup runs and then to its end."""
    photo = make_photo(width=1200, height=900)
    about = {"story": story, "filename": f"{number}.jpg"}
    metadata = ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in about.items())
    announced = client.post(
        "/api/v1/uploads", headers={**TUS, "upload-length": str(len(photo)), "upload-metadata": metadata}
    )
    assert announced.status_code == 201, announced.text
    step = len(photo) // 40
    offset = 0
    while offset < len(photo):
        end = len(photo) if is_over.is_set() else offset + step
        sent = client.patch(
            announced.headers["location"],
            headers={**TUS, "upload-offset": str(offset), "content-type": "application/offset+octet-stream"},
            content=photo[offset:end],
        )
        assert sent.status_code == 204, sent.text
        offset = int(sent.headers["upload-offset"])
        has_begun.release()


@pytest.mark.slow
def test_a_backup_during_uploads_and_unsealing_is_whole_elsewhere_and_sends_nothing(tmp_path):
    house, usb = Household(tmp_path / "house"), tmp_path / "usb"
    overdue = house.capsule(
        opens_in=timedelta(seconds=-1), photos=1, more_stories=[f"Day {day}" for day in range(20)]
    )
    house.run("create", "Later", "--opens", "in 10 years")
    story = house.run("story", "add", "later", "--title", "The sea", "--text", "We swam.")["story"]["id"]
    token = house.run("token", "create", "camera", "--scope", "contribute")["token"]["secret"]
    has_begun, is_over = threading.Semaphore(0), threading.Event()
    with (
        house.daemon() as daemon,
        httpx.Client(base_url=daemon.url, headers={"authorization": f"Bearer {token}"}, timeout=60) as client,
    ):
        senders = [
            threading.Thread(target=send_slowly, args=(client, story, number, has_begun, is_over))
            for number in range(UPLOADS)
        ]
        for sender in senders:
            sender.start()
        for _ in range(UPLOADS):
            assert has_begun.acquire(timeout=60)
        wait_until(lambda: house.state(overdue) == "open", 60, "the capsule is open, to be unsealed")

        made = house.run("backup", str(usb), "--verify")

        is_over.set()
        for sender in senders:
            sender.join(timeout=60)
    assert made["backup"]["missing"] == made["verified"]["damaged"] == made["verified"]["wrong"] == []

    shutil.copytree(house.folder / "config", tmp_path / "elsewhere" / "config")
    elsewhere = Household(tmp_path / "elsewhere", is_new=False)
    assert elsewhere.run("restore", str(usb))["contents"]["files"] == made["backup"]["files"]
    assert elsewhere.run("verify", "--deep")
    ticked = elsewhere.ask("tick")
    assert ticked.returncode == 5
    assert "capsule release" in ticked.stdout
    assert not list((elsewhere.folder / "data").rglob("*.eml"))
