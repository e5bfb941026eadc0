"""From `blobs_url` to the place that it names."""

import sys

import pytest

from memorycapsule.config import Settings
from memorycapsule.errors import ConfigurationProblem
from memorycapsule.media.storage.bucket import BucketBlobs
from memorycapsule.media.storage.places import count_at, open_blobs


@pytest.fixture
def settings(tmp_path):
    def made(**more) -> Settings:
        return Settings(data_dir=tmp_path / "data", key_file=tmp_path / "key", **more)

    return made


def test_unset_it_is_a_folder_of_the_data_folder(settings, tmp_path):
    assert open_blobs(settings()).place == str(tmp_path / "data" / "blobs")


def test_it_may_be_another_folder(settings, tmp_path):
    odd = f"file://{tmp_path}/a # b? c"
    assert open_blobs(settings(blobs_url=odd)).place == f"{tmp_path}/a # b? c"


@pytest.mark.parametrize("place", ["s3://family", "s3://family/capsule", "s3://family/of/three"])
def test_it_may_be_a_bucket_of_which_nothing_is_asked_yet(settings, place):
    found = open_blobs(settings(blobs_url=place, s3={"endpoint": "http://127.0.0.1:9"}))
    assert isinstance(found, BucketBlobs)
    assert found.place == place


@pytest.mark.parametrize(
    "place",
    [
        "s3://",
        "s3://Family",
        "s3://family//x",
        "s3://family/",
        "s3://family/../x",
        "file:///",
        "blobs",
        "http://x/y",
    ],
)
def test_anything_else_is_refused(settings, place):
    with pytest.raises(ValueError, match="blobs_url_unclear"):
        settings(blobs_url=place)


def test_a_key_has_two_parts_and_an_endpoint_is_an_address(settings):
    with pytest.raises(ValueError, match="s3_key_not_whole"):
        settings(s3={"access_key_id": "capsule"})
    with pytest.raises(ValueError, match="s3_endpoint_unclear"):
        settings(s3={"endpoint": "s3.example.org"})


def test_amazons_own_service_is_asked_for_the_bucket_by_its_name(settings):
    key = {"access_key_id": "capsule", "secret_access_key": "secret"}
    found = open_blobs(settings(blobs_url="s3://family/capsule", s3={**key, "region": "eu-central-1"}))
    assert found.origin == "https://family.s3.eu-central-1.amazonaws.com"


def test_without_the_extra_a_bucket_is_refused_and_a_folder_is_not(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "memorycapsule.media.storage.bucket", None)
    open_blobs(settings())
    with pytest.raises(ConfigurationProblem, match="blob_storage_not_installed"):
        open_blobs(settings(blobs_url="s3://family"))


def test_counting_makes_no_folder(settings, tmp_path):
    assert count_at(settings()) == 0
    assert not (tmp_path / "data").exists()
