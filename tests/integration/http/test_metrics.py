"""What Prometheus is told of a real instance: every metric stands in the reference, and nobody is named."""

import base64
import contextlib
import functools
import re
import socket
import urllib.error
import urllib.request
import warnings
from dataclasses import dataclass
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr

from memorycapsule.app import App
from memorycapsule.config.sections import MetricsSettings
from memorycapsule.daemon.http.site import make_site
from memorycapsule.daemon.metrics.answers import MetricsAnswers
from memorycapsule.daemon.metrics.instance import InstanceCollector
from memorycapsule.daemon.metrics.listener import listening
from memorycapsule.daemon.metrics.measured_site import MeasuredSite
from memorycapsule.daemon.metrics.process import ProcessMetrics
from memorycapsule.daemon.metrics.telling import telling_of
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import CapsuleError, ConfigurationProblem
from memorycapsule.services.preservation import verification
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.work import measuring, ticks
from memorycapsule.work.worker_context import FilmMade
from support.cast import OPENS, invite, make_photo
from support.scrapes import Scrape, documented

with warnings.catch_warnings():
    # starlette would rather have httpx2, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

TOKEN = "nobody-would-guess-this"


@dataclass(kw_only=True)
class Observed:
    """A site whose metrics are told, and who asks for them."""

    app: App
    metrics: ProcessMetrics
    telling: MetricsAnswers
    site: MeasuredSite

    def browser(self, token: str | None = None, **more) -> TestClient:
        client = TestClient(self.site, base_url="http://home.test", follow_redirects=False, **more)
        if token:
            client.cookies.set("capsule", token, domain="home.test", path="/")
        return client

    def scrape(self) -> Scrape:
        """What a listener would answer."""
        return Scrape(generate_latest(self.metrics.registry).decode())


@contextlib.contextmanager
def observed(scene, *, token: str | None = None, port: int | None = None, public_url: str | None = None):
    metrics = ProcessMetrics(is_in_cluster=False)
    told = MetricsSettings(token=token and SecretStr(token), port=port)
    settings = scene.app.settings.model_copy(update={"metrics": told, "public_url": public_url})
    app = App(**{**vars(scene.app), "settings": settings, "tally": metrics.tally})
    site = make_site(app, heartbeat_age=lambda: 3.0)
    telling = telling_of(app, metrics, heartbeat_age=lambda: 3.0)
    measured = MeasuredSite(site, metrics, telling, public_url=public_url)
    try:
        yield Observed(app=app, metrics=metrics, telling=telling, site=measured)
    finally:
        site.state.receiver.close()


def figures_of(app: App) -> Scrape:
    """What is told of the instance at this moment, however good an earlier reading may be."""
    registry = CollectorRegistry()
    registry.register(InstanceCollector(functools.partial(measuring.measure, app), app.now))
    return Scrape(generate_latest(registry).decode())


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_every_metric_stands_in_the_reference_with_its_type_and_its_labels_and_no_other_does(scene):
    with scene.instance.store.transaction() as tx:
        instance_store.change(tx, backed_up_at=scene.time.now)
    with observed(scene) as here:
        here.browser().get("/g/i/a-token-of-an-invitation")
        scrape = here.scrape()

    assert scrape.told == documented()


def test_the_state_of_the_instance_is_told_and_what_changes_in_it(scene):
    app, store = scene.app, scene.instance.store
    with store.reading() as tx:
        blobs = capsule_store.blobs.by(tx)
    letters = figures_of(app)['capsule_outbox_letters{state="queued"}']
    invite(scene.instance, scene.capsule, "dora@example.org")
    before = figures_of(app)
    assert before['capsule_capsules{state="sealed"}'] == 2
    assert before["capsule_next_opening_seconds"] == (OPENS - scene.time.now).total_seconds()
    assert (before["capsule_due"], before["capsule_due_seconds"], before["capsule_sender_paused"]) == (
        0,
        0,
        0,
    )
    assert before["capsule_blobs"] == len(blobs)
    assert before["capsule_blob_bytes"] == sum(blob.bytes for blob in blobs)
    assert before['capsule_blobs_damaged{damage="missing"}'] == 0
    assert before['capsule_outbox_letters{state="queued"}'] == letters + 1
    assert "capsule_backup_age_seconds" not in before

    backed_up_at = scene.time.now
    now = scene.time.go_to(OPENS + timedelta(minutes=2))
    with store.transaction() as tx:
        instance_store.change(
            tx,
            backed_up_at=backed_up_at,
            mail_pauses=2,
            mail_paused_until=now + timedelta(minutes=5),
            mail_pause_reason=kept_reason(CapsuleError("no_answer")),
        )
        fixity_store.note(tx, blobs[0], BlobDamage.MISSING, now)
    after = figures_of(app)

    assert (after["capsule_due"], after["capsule_due_seconds"]) == (1, 120)
    assert (after["capsule_sender_paused"], after["capsule_sender_pauses"]) == (1, 2)
    assert after["capsule_backup_age_seconds"] == (now - backed_up_at).total_seconds()
    assert after['capsule_blobs_damaged{damage="missing"}'] == 1
    assert after['capsule_notices{kind="damage"}'] == 1
    assert after["capsule_outbox_oldest_seconds"] == (now - backed_up_at).total_seconds()


def test_a_file_that_verify_finds_missing_is_told_and_what_only_a_deep_look_finds_after_one(scene):
    gone, changed, *_others = sorted(scene.instance.blob_files())
    gone.unlink()
    changed.write_bytes(bytes(changed.stat().st_size))
    instance = scene.instance
    verification.check(instance.store, instance.vault, deep=False, now=scene.time.now)
    after_a_look = figures_of(scene.app)
    verification.check(instance.store, instance.vault, deep=True, now=scene.time.now)
    after_a_deep_one = figures_of(scene.app)

    missing, damaged = 'capsule_blobs_damaged{damage="missing"}', 'capsule_blobs_damaged{damage="changed"}'
    assert (after_a_look[missing], after_a_look[damaged]) == (1, 0)
    assert (after_a_deep_one[missing], after_a_deep_one[damaged]) == (1, 1)


def test_a_clock_in_doubt_is_told(scene):
    scene.app.now()
    ticks.settle(scene.app)
    scene.time.jump(days=3000)

    assert figures_of(scene.app)["capsule_clock_doubted"] == 1


def test_requests_are_told_by_the_template_of_their_route_and_by_status(scene):
    with observed(scene) as here:
        ben = here.browser(scene.ben.token)
        assert ben.get(f"/g/c/{scene.capsule.id}").status_code == 200
        assert ben.get("/g/i/a-token-of-an-invitation").status_code == 404
        assert ben.get("/no/such/page").status_code == 404
        assert ben.post("/sign-in", headers={"origin": "https://elsewhere.test"}).status_code == 403
        assert ben.request("MUSHROOM", "/healthz").status_code == 405
        assert ben.get("/api/v1/capsules").status_code == 401
        scrape = here.scrape()

    assert scrape['capsule_http_requests_total{method="GET",route="/g/c/{capsule_id}",status="200"}'] == 1
    assert scrape['capsule_http_requests_total{method="GET",route="/g/i/{token}",status="404"}'] == 1
    assert scrape['capsule_http_requests_total{method="GET",route="none",status="404"}'] == 1
    assert scrape['capsule_http_requests_total{method="POST",route="/sign-in",status="403"}'] == 1
    assert scrape['capsule_http_requests_total{method="other",route="/healthz",status="405"}'] == 1
    assert scrape['capsule_http_requests_total{method="GET",route="/api/v1/capsules",status="401"}'] == 1
    assert scrape['capsule_http_request_duration_seconds_count{method="GET",route="/g/i/{token}"}'] == 1
    assert scrape["capsule_http_requests_in_progress"] == 0
    assert scrape['capsule_database_statement_duration_seconds_count{operation="select"}'] > 0


def test_nobody_and_nothing_is_named_whatever_was_asked_for(scene):
    secret = "a-token-of-an-invitation"
    scene.time.go_to(OPENS + timedelta(days=1))
    with observed(scene, token=TOKEN) as here:
        ben = here.browser(scene.ben.token)
        ben.get(f"/g/c/{scene.capsule.id}")
        ben.get(f"/g/i/{secret}")
        ben.get(f"/g/m/{scene.medium_id}/original")
        ben.get(f"/ada@example.org/{secret}?name=Ben")
        ben.request(secret.upper(), f"/g/m/{scene.medium_id}")
        text = here.scrape().text

    ids = (
        scene.capsule.id,
        scene.medium_id,
        scene.story.id,
        scene.ben.member.id,
        scene.ben.member.account_id,
    )
    names = (
        "ada",
        "ben",
        "cleo",
        "example.org",
        "MARKER",
        scene.capsule.title,
        secret,
        TOKEN,
        scene.ben.token,
    )
    assert [one for one in (*ids, *names) if re.search(rf"\b{re.escape(one)}\b", text, re.IGNORECASE)] == []


def test_beside_the_pages_they_are_told_to_whoever_sends_the_token_and_are_not_there_for_anybody_else(scene):
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with observed(scene, token=TOKEN, public_url="https://photos.test/capsule") as here:
        browser = here.browser()
        unknown = browser.get("/no/such/page")
        told = browser.get("/metrics", headers=bearer)

        assert (told.status_code, "capsule_build_info" in told.text) == (200, True)
        assert browser.get("/capsule/metrics", headers=bearer).status_code == 200
        assert browser.get("/g/metrics", headers=bearer).status_code == 404
        for headers in ({}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": f"Basic {TOKEN}"}):
            refused = browser.get("/metrics", headers=headers)
            assert (refused.status_code, refused.text) == (unknown.status_code, unknown.text)
        open_metrics = browser.get("/metrics", headers=bearer | {"accept": "application/openmetrics-text"})
        assert open_metrics.text.endswith("# EOF\n")
    with observed(scene) as here:
        assert here.browser().get("/metrics", headers=bearer).status_code == 404


def test_their_own_listener_answers_them_and_nothing_else(scene):
    with observed(scene, port=0) as here, listening(here.app.settings, here.telling) as url:
        status, text = get(url)
        assert (status, Scrape(text)["capsule_heartbeat_age_seconds"]) == (200, 3.0)
        page = url.removesuffix("/metrics")
        assert [get(f"{page}{path}")[0] for path in ("/", "/healthz", "/metrics/")] == [404, 404, 404]


def test_where_there_is_a_token_their_own_listener_wants_it_too(scene):
    with observed(scene, token=TOKEN, port=0) as here, listening(here.app.settings, here.telling) as url:
        assert get(url)[0] == 401
        assert get(url, Authorization=f"Bearer {TOKEN}")[0] == 200


def test_a_port_that_is_taken_is_named_by_its_setting(scene):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with observed(scene, port=port) as here, pytest.raises(ConfigurationProblem) as refused:
            listening(here.app.settings, here.telling).__enter__()

    assert refused.value.values == {"port": port, "setting": "metrics.port"}


def test_films_are_told_by_what_they_came_to_and_how_long_they_took(scene):
    with observed(scene) as here:
        for state, encoded, reused in ((MontageState.READY, 7, 0), (MontageState.DEGRADED, 1, 6)):
            here.app.tally.film_made(
                FilmMade(
                    state=state,
                    seconds=60.0,
                    took_seconds=20.0,
                    segments_encoded=encoded,
                    segments_reused=reused,
                )
            )
        scrape = here.scrape()

    assert scrape['capsule_films_finished_total{state="ready"}'] == 1
    assert scrape['capsule_films_finished_total{state="degraded"}'] == 1
    assert (scrape["capsule_film_seconds_total"], scrape["capsule_film_render_seconds_total"]) == (120, 40)
    assert scrape['capsule_film_segments_total{source="encoded"}'] == 8
    assert scrape['capsule_film_segments_total{source="reused"}'] == 6


def announce(browser: TestClient, story: str, length: int):
    """Say that a file of so many bytes will come."""
    about = f"filename {base64.b64encode(b'file').decode()},story {base64.b64encode(story.encode()).decode()}"
    headers = {"tus-resumable": "1.0.0", "upload-length": str(length), "upload-metadata": about}
    return browser.post("/g/u", headers=headers)


def send(browser: TestClient, story: str, content: bytes) -> None:
    """Send a file in one piece."""
    address = announce(browser, story, len(content)).headers["location"]
    kind = "application/offset+octet-stream"
    headers = {"tus-resumable": "1.0.0", "upload-offset": "0", "content-type": kind}
    assert browser.patch(address, content=content, headers=headers).status_code == 204


@pytest.mark.slow
def test_files_are_told_by_what_became_of_them_and_why_they_were_refused(scene):
    scene.limit_uploads(largest_file="1 MB")
    with observed(scene) as here:
        ben = here.browser(scene.ben.token)
        photo = make_photo(width=200, height=150)
        send(ben, scene.story.id, photo)
        send(ben, scene.story.id, photo)
        send(ben, scene.story.id, b"Dear diary, today it rained.")
        assert announce(ben, scene.story.id, 0).status_code == 201
        assert announce(ben, scene.story.id, 1_000_001).status_code == 413
        scrape = here.scrape()

    told = {
        (dict(labels)["result"], dict(labels)["reason"]): count
        for (name, labels), count in scrape.samples.items()
        if name == "capsule_uploads_total"
    }
    assert told == {
        ("kept", ""): 1,
        ("duplicate", ""): 1,
        ("postponed", ""): 0,
        ("refused", "text"): 1,
        ("refused", "empty"): 1,
        ("refused", "file_too_large"): 1,
    }
