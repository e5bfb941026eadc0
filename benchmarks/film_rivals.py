"""
The same film by other means: plain MoviePy, ffmpeg's zoompan, and encoders that are given finished frames.

    python benchmarks/film_rivals.py moviepy JOB        with the job that film.py writes
    python benchmarks/film_rivals.py pipe|pyav JOB      one encoder, fed from memory

Each is written as somebody would who knows that tool and not us.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from memorycapsule.processes import ffmpeg_path

#: How far the pictures are zoomed.
ZOOM = 0.09


def moviepy_film(job: dict[str, Any]) -> None:
    """Ken Burns and crossfades as MoviePy's documentation has them: resized by a function, centred, composed."""
    from moviepy import AudioFileClip, CompositeVideoClip, ImageClip, concatenate_videoclips, vfx

    size, seconds, fade = (job["width"], job["height"]), job["photo_seconds"], job["fade_seconds"]
    clips = []
    for number, photo in enumerate(job["photos"]):
        image = ImageClip(photo).with_duration(seconds)
        image = image.resized(max(size[0] / image.w, size[1] / image.h))
        moving = image.resized(lambda t: 1 + ZOOM * t / seconds).with_position("center")
        clip = CompositeVideoClip([moving], size=size).with_duration(seconds)
        clips.append(clip.with_effects([vfx.CrossFadeIn(fade)]) if number else clip)
    film = concatenate_videoclips(clips, method="compose", padding=-fade)
    with AudioFileClip(job["song"]) as song:
        film = film.with_audio(song.subclipped(0, film.duration))
        extra = ["-crf", str(job["crf"]), "-pix_fmt", "yuv420p"]
        if job["x264_params"]:
            extra += ["-x264-params", job["x264_params"]]
        film.write_videofile(
            job["out"],
            fps=job["fps"],
            codec="libx264",
            preset=job["preset"],
            audio_codec="aac",
            audio_bitrate="192k",
            ffmpeg_params=extra,
            logger=None,
        )


def zoompan_command(job: dict[str, Any]) -> list[str]:
    """Return ffmpeg's command line for zoompan over enlarged pictures and xfade between them."""
    width, height, fps = job["width"], job["height"], job["fps"]
    frames = round(job["photo_seconds"] * fps)
    # 3840 wide for a film in 1080p: zoompan rounds to whole pixels of what it is given.
    wide, tall = 2 * width, 2 * height
    inputs = [word for photo in job["photos"] for word in ("-i", photo)]
    chains = [
        f"[{number}:v]scale={wide}:{tall}:force_original_aspect_ratio=increase,crop={wide}:{tall},"
        f"zoompan=z='1+{ZOOM}*on/{frames}':x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)'"
        f":d={frames}:s={width}x{height}:fps={fps},format=yuv420p[v{number}]"
        for number in range(len(job["photos"]))
    ]
    last = "v0"
    for number in range(1, len(job["photos"])):
        offset = number * (job["photo_seconds"] - job["fade_seconds"])
        chains.append(
            f"[{last}][v{number}]xfade=transition=fade:duration={job['fade_seconds']}:offset={offset:.3f}[x{number}]"
        )
        last = f"x{number}"
    x264 = ["-x264-params", job["x264_params"]] if job["x264_params"] else []
    return [
        *(ffmpeg_path(), "-nostdin", "-loglevel", "error", *inputs, "-i", job["song"]),
        *("-filter_complex", ";".join(chains), "-map", f"[{last}]", "-map", f"{len(job['photos'])}:a"),
        *("-c:v", "libx264", "-preset", job["preset"], "-crf", str(job["crf"]), *x264),
        *("-c:a", "aac", "-b:a", "192k", "-t", f"{job['frames'] / fps:.3f}", "-y", job["out"]),
    ]


def frames_in_memory(job: dict[str, Any]) -> list[np.ndarray]:
    size = job["width"] * job["height"] * 3 // 2
    return list(np.fromfile(job["raw"], np.uint8).reshape(-1, size))


def piped(job: dict[str, Any]) -> float:
    """Encode frames through a pipe into ffmpeg, as our workers do; return the seconds from first to last frame."""
    from memorycapsule.domain.film.plan import MontagePlan
    from memorycapsule.render import ffmpeg

    plan = MontagePlan.from_json(Path(job["plan"]).read_text(encoding="utf-8"))
    frames = frames_in_memory(job)
    began = time.monotonic()
    with ffmpeg.start(ffmpeg.encode_arguments(plan, Path(job["out"])), stdin=subprocess.PIPE) as encoder:
        for frame in frames:
            encoder.stdin.write(frame.data)
        encoder.stdin.close()
    return time.monotonic() - began


def with_pyav(job: dict[str, Any]) -> float:
    """The same inside this process, with PyAV; return the seconds from first to last frame."""
    import av
    from av.codec.context import ThreadType

    frames = frames_in_memory(job)
    width, height = job["width"], job["height"]
    began = time.monotonic()
    with av.open(job["out"], "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=job["fps"])
        stream.width, stream.height, stream.pix_fmt = width, height, "nv12"
        stream.thread_type, stream.codec_context.thread_count = ThreadType.NONE, 1
        stream.options = {
            "preset": job["preset"],
            "crf": str(job["crf"]),
            "x264-params": f"{job['x264_params']}:open-gop=0:chromaloc=1".lstrip(":"),
            "g": str(5 * job["fps"]),
        }
        for frame in frames:
            picture = av.VideoFrame(width, height, "nv12")
            cut = width * height
            for plane, data in zip(picture.planes, (frame[:cut], frame[cut:]), strict=True):
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                rows[:, :width] = data.reshape(-1, width)
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
    return time.monotonic() - began


def main() -> None:
    how, job = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    if how == "moviepy":
        moviepy_film(job)
    else:
        print(json.dumps({"seconds": {"pipe": piped, "pyav": with_pyav}[how](job)}))


if __name__ == "__main__":
    main()
