"""The API for owners and for one's own account: what the pages' forms do, and the proof that some of it needs."""

import io
import zipfile

import pytest

from integration.http.conftest import Client
from memorycapsule.daemon.http.protocol import costs
from memorycapsule.services import reading
from support.cast import add_story, join, make_photo, make_recording

V1 = "/api/v1"
BEN = "ben@example.org"


def come_in(scene, address=BEN):
    """A program that has just come in with mailed digits."""
    nobody = Client(scene)
    nobody("POST", f"{V1}/sign-in", json={"email": address}, status=204)
    came = nobody(
        "POST", f"{V1}/sign-in/code", json={"email": address, "code": scene.mailed()[1]}, status=201
    )
    return Client(scene, came.json()["token"])


def test_mailed_digits_let_a_program_in_and_it_goes_again(lasting_scene):
    scene = lasting_scene
    nobody = Client(scene)
    nobody("POST", f"{V1}/sign-in", json={"email": "stranger@example.org"}, status=204)
    wrong = {"email": BEN, "code": "000 000"}
    assert nobody("POST", f"{V1}/sign-in/code", json=wrong, status=403).json()["code"] == "not_allowed"

    ben = come_in(scene)

    session = ben("GET", f"{V1}/session").json()["session"]
    assert (session["scope"], session["capsule"], session["is_proved"]) == ("everything", None, True)
    ben("DELETE", f"{V1}/session", status=204)
    ben("GET", f"{V1}/session", status=401)


def test_a_person_makes_tokens_which_do_no_more_than_they_say(lasting_scene):
    ben = come_in(lasting_scene)

    made = ben("POST", f"{V1}/me/tokens", json={"name": "laptop", "scope": "read"}, status=201).json()[
        "token"
    ]
    token = Client(lasting_scene, made["secret"])

    assert token("GET", f"{V1}/session").json()["session"]["scope"] == "read"
    for method, path in (
        ("GET", "/me/sessions"),
        ("GET", "/me/addresses"),
        ("GET", "/me/deletion"),
        ("DELETE", "/me"),
        ("POST", "/session/proof/letter"),
    ):
        refused = token(method, V1 + path, status=403).json()
        assert (refused["code"], "sign in" in refused["detail"]) == ("not_allowed", True), path
    token("POST", f"{V1}/me/tokens", json={"name": "another"}, status=403)
    token("POST", f"{V1}/session/proof", json={"code": "123456"}, status=403)
    listed = ben("GET", f"{V1}/me/sessions").json()["sessions"]
    assert {one["name"]: one["kind"] for one in listed}["laptop"] == "token"
    assert [one["kind"] for one in listed if one["is_this"]] == ["signed_in"]
    assert made["secret"] not in str(listed)
    ben("DELETE", f"{V1}/me/sessions/{made['id']}", status=204)
    token("GET", f"{V1}/session", status=401)


def test_a_token_is_ended_by_its_name_and_may_end_itself(lasting_scene):
    ben = come_in(lasting_scene)
    secrets = {
        name: ben("POST", f"{V1}/me/tokens", json={"name": name}, status=201).json()["token"]["secret"]
        for name in ("phone", "desk", "twin")
    }
    ben("POST", f"{V1}/me/tokens", json={"name": "twin"}, status=201)

    ended = ben("POST", f"{V1}/me/tokens/end", json={"token": "phone"}).json()["token"]

    assert (ended["name"], ended["ended_at"] is None, "secret" in ended) == ("phone", False, False)
    Client(lasting_scene, secrets["phone"])("GET", f"{V1}/session", status=401)
    ben("POST", f"{V1}/me/tokens/end", json={"token": "phone"}, status=404)
    ben("POST", f"{V1}/me/tokens/end", json={"token": "twin"}, status=422)
    desk = Client(lasting_scene, secrets["desk"])
    for another in ("twin", "nothing"):
        refused = desk("POST", f"{V1}/me/tokens/end", json={"token": another}, status=403).json()
        assert "sign in" in refused["detail"]
    assert desk("POST", f"{V1}/me/tokens/end", json={"token": "desk"}).json()["token"]["name"] == "desk"
    desk("GET", f"{V1}/session", status=401)


def test_a_token_of_one_capsule_tells_nothing_of_the_account(lasting_scene):
    ben = come_in(lasting_scene)
    ben("POST", f"{V1}/me/tokens", json={"name": "garden"}, status=201)
    guest = Client(lasting_scene, lasting_scene.ben.token)
    for name in ("garden", "nothing"):
        refused = guest("POST", f"{V1}/me/tokens/end", json={"token": name}, status=403).json()
        assert "one capsule" in refused["detail"]
    for path in ("/me/sessions", "/me/addresses", "/me/deletion"):
        assert "one capsule" in guest("GET", V1 + path, status=403).json()["detail"]


def test_who_tries_digits_too_often_waits(lasting_scene):
    browser = lasting_scene.browser()
    wrong = {"email": "nobody@example.org", "code": "1"}
    tries = [browser.post(f"{V1}/sign-in/code", json=wrong) for _ in range(costs.CODE.at_once + 1)]

    assert tries[-1].status_code == 429
    assert tries[-1].json()["code"] == "too_many"
    assert int(tries[-1].headers["retry-after"]) >= 1


def test_an_invitation_is_accepted_or_declined_by_program(lasting_scene):
    ada = Client(lasting_scene, lasting_scene.session_of(lasting_scene.instance.ada.account_id))
    path = f"{V1}/capsules/{lasting_scene.capsule.id}/invitations"
    emails = ["dora@example.org", "eve@example.org"]
    sent = ada("POST", path, json={"emails": emails}, status=201).json()["invitations"]
    tokens = {one["email"]: one["token"] for one in sent}
    links = ada("GET", f"{path}/links").json()["invitations"]
    assert {one["email"]: one["token"] for one in links} == tokens
    nobody = Client(lasting_scene)

    joined = nobody(
        "POST", f"{V1}/invitations/accept", json={"token": tokens[emails[0]], "name": "Dora"}, status=201
    ).json()
    nobody("POST", f"{V1}/invitations/decline", json={"token": tokens[emails[1]]}, status=204)

    dora = Client(lasting_scene, joined["token"])
    assert joined["member"]["name"] == "Dora"
    assert [one["id"] for one in dora("GET", f"{V1}/capsules").json()["capsules"]] == [
        lasting_scene.capsule.id
    ]
    states = {one["email"]: one["state"] for one in ada("GET", path).json()["invitations"]}
    assert [states[email] for email in emails] == ["accepted", "declined"]
    assert ada("GET", f"{path}/links").json()["invitations"] == []
    dora("GET", f"{path}/links", status=403)
    nobody("POST", f"{V1}/invitations/accept", json={"token": tokens[emails[0]]}, status=403)

    reminders = f"{V1}/capsules/{lasting_scene.capsule.id}/reminders"
    done = ada("POST", reminders, json={"only": [joined["member"]["id"]]}).json()
    assert ([one["name"] for one in done["members"]], done["invitations"]) == (["Dora"], [])
    assert ada("POST", reminders, json={"only": [joined["member"]["id"]]}).json()["members"] == []

    # Nothing of hers is lost, so she needs no proof to go.
    gone = dora("POST", f"{V1}/capsules/{lasting_scene.capsule.id}/leave", json={}).json()["member"]
    assert gone["left_at"]
    dora("GET", f"{V1}/session", status=401)


def test_invitations_are_sent_again_and_taken_back_by_their_addresses(lasting_scene):
    ada = Client(lasting_scene, lasting_scene.session_of(lasting_scene.instance.ada.account_id))
    path = f"{V1}/capsules/{lasting_scene.capsule.id}/invitations"
    emails = ["gil@example.org", "hal@example.org"]
    first = ada("POST", path, json={"emails": emails}, status=201).json()["invitations"]

    again = ada("POST", path, json={"emails": emails[:1], "again": True}, status=201).json()["invitations"]
    stays = ada("POST", path, json={"emails": emails[1:]}, status=201).json()["invitations"]

    assert again[0]["is_new"]
    assert again[0]["token"] != first[0]["token"]
    assert (stays[0]["is_new"], stays[0]["token"]) == (False, first[1]["token"])
    refused = ada("POST", f"{path}/revoke", json={"emails": [*emails, "ivy@example.org"]}, status=404).json()
    assert refused["detail"] == "ivy@example.org is not invited to this capsule."
    states = {one["email"]: one["state"] for one in ada("GET", path).json()["invitations"]}
    assert [states[email] for email in emails] == ["invited", "invited"]
    revoked = ada("POST", f"{path}/revoke", json={"emails": emails}).json()["invitations"]
    assert [(one["email"], one["state"]) for one in revoked] == [(email, "revoked") for email in emails]


@pytest.mark.slow
def test_proving_who_one_is_opens_what_needs_it_for_a_while(scene):
    scene.time.go_on(days=1)
    ada = Client(scene, scene.session_of(scene.instance.ada.account_id))
    member = f"{V1}/capsules/{scene.capsule.id}/members/{scene.ben.member.id}"
    refused = ada("POST", f"{member}/hand-over", status=403).json()
    assert refused["code"] == "proof_needed"
    assert "/api/v1/session/proof" in refused["detail"]

    ada("POST", f"{V1}/session/proof/letter", status=204)
    ada("POST", f"{V1}/session/proof", json={"code": scene.mailed()[1]}, status=204)

    dora = join(scene.instance, scene.capsule, "Dora", now=scene.time.now)
    doras = f"{V1}/capsules/{scene.capsule.id}/members/{dora.member.id}"
    gone = ada("POST", f"{doras}/remove").json()["member"]
    assert (gone["name"], gone["left_at"] is None) == ("Dora", False)
    ada("DELETE", doras, status=404)
    assert ada("POST", f"{member}/hand-over").json()["member"]["role"] == "owner"
    ada("DELETE", member, status=403)  # it is hers no more
    ben = come_in(scene)
    scene.time.go_on(minutes=16)
    adas = ada("GET", f"{V1}/capsules/{scene.capsule.id}/members").json()["members"][0]["id"]
    path = f"{V1}/capsules/{scene.capsule.id}/members/{adas}"
    assert ben("DELETE", path, status=403).json()["code"] == "proof_needed"


@pytest.mark.slow
def test_an_account_changes_its_address_and_ends(scene):
    ben = come_in(scene)
    ben("POST", f"{V1}/me/addresses", json={"email": "no address"}, status=422)
    asked = ben("POST", f"{V1}/me/addresses", json={"email": "Ben@new.example"}, status=202).json()["asked"]
    assert asked == ben("GET", f"{V1}/me/addresses").json()["asked"] == "Ben@new.example"
    scene.time.go_on(minutes=1)
    added = ben("POST", f"{V1}/me/addresses/code", json={"code": scene.mailed()[1]}, status=201).json()
    listed = ben("GET", f"{V1}/me/addresses").json()["addresses"]
    assert [one["email"] for one in listed] == ["Ben@new.example", BEN]
    assert listed[0] == added["address"]
    ben("DELETE", f"{V1}/me/addresses/{listed[1]['id']}", status=204)
    ben("DELETE", f"{V1}/me/addresses/{listed[0]['id']}", status=403)

    assert ben("GET", f"{V1}/me/deletion").json()["deletion"] == {
        "in_the_way": [],
        "goes_along": [],
        "stays": 1,
    }
    ben("DELETE", f"{V1}/me", status=204)
    ben("GET", f"{V1}/session", status=401)
    # The admin's stays.
    ada = come_in(scene, "ada@example.org")
    ada("DELETE", f"{V1}/me", status=403)
    (owned,) = ada("GET", f"{V1}/me/deletion").json()["deletion"]["in_the_way"][:1]
    assert owned


@pytest.mark.slow
def test_a_capsule_gets_a_cover_and_a_song_and_loses_them_again(scene):
    ada = Client(scene, scene.session_of(scene.instance.ada.account_id))
    ben = Client(scene, scene.ben.token)
    path = f"{V1}/capsules/{scene.capsule.id}"
    ben("PUT", f"{path}/cover", files={"file": ("pier.jpg", make_photo())}, status=403)
    bad = ada("PUT", f"{path}/cover", files={"file": ("notes\r\n.pdf", b"%PDF-1.7 x")}, status=422).json()
    assert bad["code"] == "media_refused"
    assert "notes" in bad["detail"]
    assert "\n" not in bad["detail"]

    covered = ada("PUT", f"{path}/cover", files={"file": ("pier.jpg", make_photo())}).json()["capsule"]
    assert covered["has_cover"]
    assert ben("GET", f"{path}/cover").headers["content-type"] == "image/jpeg"
    ada("DELETE", f"{path}/cover", status=204)
    ben("GET", f"{path}/cover", status=404)

    ada("PATCH", path, json={"music": "window"})
    ada("DELETE", f"{path}/soundtrack", status=204)
    assert ada("GET", path).json()["capsule"]["music"] == "window"
    song = ada("PUT", f"{path}/soundtrack", files={"file": ("song.mp3", make_recording())}).json()["capsule"]
    assert (song["has_soundtrack"], song["music"]) == (True, None)
    refused = ada("PUT", f"{path}/soundtrack", files={"file": ("pier.jpg", make_photo())}, status=422).json()
    assert refused["detail"].startswith("pier.jpg is not music")
    ada("DELETE", f"{path}/soundtrack", status=204)
    assert not ada("GET", path).json()["capsule"]["has_soundtrack"]
    ada("PUT", f"{path}/cover", content=b"x" * 100_000_001, status=413)
    assert ada("PUT", f"{path}/cover", content=b"x", status=422).json()["errors"][0]["where"] == "body.file"


@pytest.mark.slow
def test_a_wish_is_taken_back(scene):
    ada = Client(scene, scene.session_of(scene.instance.ada.account_id))
    path = f"{V1}/capsules/{scene.capsule.id}"
    ada("DELETE", f"{path}/wish", status=404)
    ada("PUT", f"{path}/date", json={"opens": "in 1 day"})
    Client(scene, scene.ben.token)("DELETE", f"{path}/wish", status=403)

    ada("DELETE", f"{path}/wish", status=204)

    assert ada("GET", f"{path}/wish").json()["wish"] is None


@pytest.mark.slow
def test_ones_own_stories_are_ordered_and_go_along(scene):
    ben = Client(scene, scene.ben.token)
    path = f"{V1}/capsules/{scene.capsule.id}"
    second = ben("POST", f"{path}/stories", json={"title": "Second"}, status=201).json()["story"]["id"]
    adas = add_story(scene.instance, scene.capsule, scene.instance.ada, photos=0)

    ordered = ben("PUT", f"{path}/stories/order", json={"stories": [second]}).json()["stories"]

    assert [one["id"] for one in ordered] == [second, scene.story.id]
    ben("PUT", f"{path}/stories/order", json={"stories": [adas.id]}, status=404)
    ben("POST", f"{path}/leave", json={"takes_stories": True})
    view = reading.capsule(scene.instance.store, scene.instance.vault, scene.instance.ada, scene.capsule.id)
    assert [(one.member.name, one.stories) for one in view.contributions] == [("Ada", 1)]


@pytest.mark.slow
def test_everything_that_an_opened_capsule_gives_is_there_for_programs(scene):
    ben = Client(scene, scene.ben.token)
    path = f"{V1}/capsules/{scene.capsule.id}"
    song = {"file": ("song.mp3", make_recording())}
    for sealed in ("everything.zip", "montages/estimate"):
        ben("GET", f"{path}/{sealed}", status=404)
    ben("POST", f"{path}/montages/with-soundtrack", files=song, status=404)
    scene.open()
    film = scene.finish_film()

    whole = ben("GET", f"{path}/everything.zip").content
    assert any(name.endswith(".mp4") for name in zipfile.ZipFile(io.BytesIO(whole)).namelist())
    part = ben("GET", f"{path}/everything.zip", headers={"range": "bytes=10-19"}, status=206).content
    assert part == whole[10:20]
    of_one = f"{path}/montages/estimate?story={scene.story.id}"
    assert ben("GET", of_one).json()["seconds"] > 5
    ben("GET", f"{of_one}&length=endless", status=422)
    ben("GET", f"{V1}/montages/{film}/chapters.vtt", status=404)  # made elsewhere: nothing is known about it

    once = {"idempotency-key": "once"}
    made = ben(
        "POST",
        f"{path}/montages/with-soundtrack",
        files=song,
        data={"stories": [scene.story.id], "length": "short"},
        headers=once,
        status=202,
    ).json()["montage"]
    assert (made["stories"], made["length"], made["music"]) == ([scene.story.id], "short", None)
    assert (
        ben("POST", f"{path}/montages", json={}, headers=once, status=202).json()["montage"]["id"]
        == made["id"]
    )
    assert len(ben("GET", f"{path}/montages").json()["montages"]) == 2
    refused = ben(
        "POST", f"{path}/montages/with-soundtrack", files={"file": ("a.jpg", make_photo())}, status=422
    ).json()
    assert refused["detail"].startswith("a.jpg is not music")
