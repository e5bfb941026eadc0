"""
Makes the pictures of the README from the demo, as it plays here: its film, which moves, and one of each look.

    .venv/bin/python tools/pictures.py           all of them, into docs/screenshots
    .venv/bin/python tools/pictures.py museum    one look

It wants Chromium, and the packages of `tools/setup.sh all`. Each look takes as long as the demo.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from memorycapsule.processes import ffmpeg_path

PICTURES = Path(__file__).parents[1] / "docs" / "screenshots"
LOOKS = ("photocard", "museum", "window", "classic")
#: Whose film is shown.
SHOWN_FILM = "photocard"
DEMO = (sys.executable, "-m", "memorycapsule.cli", "--lang", "en", "demo", "--stay")
CHROMIUM = Path("/usr/bin/chromium")
#: What a screen shows of a look, in CSS pixels, and how many pixels wide its picture is.
SCREEN = {"width": 1280, "height": 800}
LOOK_WIDTH = 800
#: The film as it moves: which part of a second each picture stands for, and how wide it is.
FRAMES_PER_SECOND = 8
FILM_WIDTH = 480
LARGEST_BYTES = 3_000_000


def play(look: str, folder: Path) -> None:
    """Play the demo in a look, and make the pictures of it while its pages stay open."""
    demo = subprocess.Popen(
        [*DEMO, "--folder", str(folder), "--theme", look],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with demo:
        assert demo.stdout
        told = {}
        for line in demo.stdout:
            sys.stdout.write(line)
            if found := re.fullmatch(r"\s+(film|page)\s+(\S.*)", line.rstrip()):
                told[found[1]] = found[2]
            if "page" in told:
                break
        else:
            sys.exit("The demo has not come to its end.")
        show_look(told["page"], PICTURES / f"look-{look}.webp")
        if look == SHOWN_FILM:
            show_film(Path(told["film"]), PICTURES / "demo.webp")
        demo.communicate("\n")


def show_look(page: str, picture: Path) -> None:
    """Look at the photos by the link of a letter, as its reader would."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        tab = browser.new_page(viewport=SCREEN, reduced_motion="reduce", locale="en")
        tab.goto(page)
        tab.get_by_role("button").last.click()
        tab.wait_for_url("**/g/c/**")
        tab.goto(re.sub(r"(/g/c/[^/?#]+).*", r"\1/photos", tab.url))
        tab.wait_for_load_state("networkidle")
        shot = Path(folder) / "shot.png"
        tab.screenshot(path=shot)
        browser.close()
        convert(shot, picture, f"scale={LOOK_WIDTH}:-2:flags=lanczos", "-quality", "80")


def show_film(film: Path, picture: Path) -> None:
    """Make an animated picture of a film, as good as its size allows."""
    for quality in range(60, 0, -5):
        filters = f"fps={FRAMES_PER_SECOND},scale={FILM_WIDTH}:-2:flags=lanczos"
        convert(
            film, picture, filters, "-an", "-loop", "0", "-quality", str(quality), "-compression_level", "6"
        )
        if picture.stat().st_size < LARGEST_BYTES:
            return
    sys.exit(f"{picture} is larger than {LARGEST_BYTES} bytes.")


def convert(source: Path, picture: Path, filters: str, *options: str) -> None:
    command = [ffmpeg_path(), "-v", "error", "-y", "-i", str(source), "-vf", filters, *options, str(picture)]
    subprocess.run(command, check=True)
    print(f"{picture.name}: {picture.stat().st_size:,} bytes", flush=True)


def main() -> None:
    """Make the pictures that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("look", nargs="*", default=LOOKS, help=", ".join(LOOKS))
    looks = parser.parse_args().look
    for look in looks:
        with tempfile.TemporaryDirectory() as folder:
            play(look, Path(folder) / "demo")


if __name__ == "__main__":
    main()
