"""One id leads from a request to all that was done for it, through threads and processes, films and letters."""

import json
import re
from datetime import timedelta

import httpx
import pytest

from support.household import Household
from support.servers import wait_until

pytestmark = pytest.mark.slow

FILM, LETTER = "f" * 32, "1" * 32


def lines_of(daemon, request: str) -> list[dict]:
    """What the daemon has logged for a request."""
    # Beside them stands a sentence for whoever has started it.
    lines = [json.loads(line) for line in daemon.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("http.request.id") == request]


def said(daemon, request: str, event: str) -> list[dict]:
    return [line for line in lines_of(daemon, request) if line["message"] == event]


def mailed_code(house: Household) -> str:
    """The digits in the subject of the letter to Ben that has some."""
    letters = (path.read_text() for path in (house.folder / "data" / "mailbox").glob("*.eml"))
    (digits,) = {
        found[1]
        for letter in letters
        if (found := re.search(r"^Subject: (\d{3} \d{3})", letter, re.MULTILINE))
    }
    return digits


def test_a_film_and_a_letter_bear_the_id_of_the_request_that_asked_for_them(tmp_path):
    house = Household(tmp_path)
    capsule = house.capsule(opens_in=timedelta(hours=-1))
    with house.daemon() as daemon, httpx.Client(base_url=f"{daemon.url}/api/v1", timeout=60) as client:
        house.wait_for_film(capsule, "ready", deadline_seconds=120)
        email = "ben@example.org"
        client.post("/sign-in", json={"email": email}, headers={"x-request-id": LETTER})
        wait_until(lambda: said(daemon, LETTER, "letter.tried"), 60, "the letter has left")
        came_in = client.post("/sign-in/code", json={"email": email, "code": mailed_code(house)}).json()
        asked = client.post(
            f"/capsules/{capsule}/montages",
            json={"length": "short"},
            headers={"authorization": f"Bearer {came_in['token']}", "x-request-id": FILM},
        )
        assert asked.status_code == 202, asked.text
        wait_until(lambda: said(daemon, FILM, "film.finished"), 120, "the film is finished")
        lines = lines_of(daemon, FILM)
        letters = said(daemon, LETTER, "letter.tried")

    film = [line for line in lines if line["message"].startswith("film.")]
    assert (film[0]["message"], film[-1]["message"]) == ("film.started", "film.finished")
    percents = [line["capsule.percent"] for line in film if line["message"] == "film.progress"]
    assert percents == sorted(set(percents))
    assert percents[-1] == 100
    assert {line["capsule.montage"] for line in film} == {asked.json()["montage"]["id"]}
    assert {line["http.route"] for line in lines if "http.route" in line} == {
        "/api/v1/capsules/{capsule}/montages"
    }
    assert [line["capsule.state"] for line in letters] == ["sent"]
