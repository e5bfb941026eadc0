"""Folders are walked to their end, whatever lies in them."""

from pathlib import Path

from memorycapsule.cli.files import FoundFile, gather


def _found(*given: Path, below: Path) -> list[tuple[str, str]]:
    return [(str(one.path.relative_to(below)), _why(one)) for one in gather(given)]


def _why(one: FoundFile) -> str:
    return one.refusal.reason if one.refusal else ""


def test_links_that_lead_in_a_circle_are_named_and_the_rest_goes_in(tmp_path):
    folder = tmp_path / "summer"
    (folder / "deep").mkdir(parents=True)
    for name in ("1.jpg", "2.jpg", "deep/3.jpg"):
        (folder / name).touch()
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    (folder / "itself").symlink_to("itself")
    (folder / "here").symlink_to(".")
    (folder / "deep" / "up").symlink_to("..")
    (folder / "out").symlink_to("../..")
    (folder / "gone").symlink_to("nowhere")

    assert _found(folder, below=folder) == [
        ("1.jpg", ""),
        ("2.jpg", ""),
        ("a", "file_cannot_be_read"),
        ("b", "file_cannot_be_read"),
        ("deep/3.jpg", ""),
        ("gone", "file_cannot_be_read"),
        ("itself", "file_cannot_be_read"),
        ("out", "file_link_outside"),
    ]


def test_a_folder_without_files_is_named(tmp_path):
    (tmp_path / "camera" / "DCIM").mkdir(parents=True)

    assert _found(tmp_path / "camera", below=tmp_path) == [("camera", "folder_empty")]


def test_a_name_that_no_file_can_have_is_no_reason_to_stop(tmp_path):
    (tmp_path / "1.jpg").touch()
    long = tmp_path / ("x" * 10_000)

    assert [_why(one) for one in gather([long, tmp_path / "1.jpg"])] == ["file_cannot_be_read", ""]
