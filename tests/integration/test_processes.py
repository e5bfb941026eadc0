"""Children get what they need of the environment and of the limits, and nothing more."""

import os
import resource
import subprocess
import sys
import threading

import psutil
import pytest

from memorycapsule import processes
from memorycapsule.errors import Postponed
from memorycapsule.processes import hangs
from support.servers import wait_until

ECHO = [sys.executable, "-c", "import os; print(*(f'{k}={v}' for k, v in os.environ.items()), sep='\\n')"]


def parsed(output: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.decode().splitlines() if "=" in line)


def test_children_inherit_no_setting_and_no_secret(monkeypatch):
    for name in ("CAPSULE_SMTP__PASSWORD", "CAPSULE_TOKEN", "CREDENTIALS_DIRECTORY"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    with processes.start(ECHO, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        started = parsed(child.stdout.read())
    ran = parsed(processes.run(ECHO).stdout)

    for known in (started, ran):
        assert "hunter2" not in known.values()
        assert (known["PATH"], known["LANG"]) == (os.environ["PATH"], "ko_KR.UTF-8")


def test_a_caller_may_say_what_a_child_knows():
    known = parsed(processes.run(ECHO, env={"CAPSULE_TOKEN": "theirs"}).stdout)

    assert known["CAPSULE_TOKEN"] == "theirs"
    assert "HOME" not in known


def test_a_lower_limit_of_the_parent_stays_and_stops_no_child():
    """As under `ulimit -v`: in a process of its own, since such a limit cannot be raised again."""
    lowered = """
import resource, sys
from memorycapsule import processes
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
ask = "import resource as r; print(r.getrlimit(r.RLIMIT_AS), r.getrlimit(r.RLIMIT_CPU))"
limits = processes.ChildLimits(memory_bytes=3 << 30, cpu_seconds=1000)
done = processes.run([sys.executable, "-c", ask], limits)
print(done.stdout.decode(), done.stderr.decode())
"""
    done = subprocess.run([sys.executable, "-c", lowered], capture_output=True, check=True)

    assert done.stdout.decode().strip() == f"{(1 << 30, 1 << 30)} (50, 50)"


def test_without_limits_of_the_parent_a_child_gets_its_own():
    ask = "import resource as r; print(r.getrlimit(r.RLIMIT_CPU))"
    limits = processes.ChildLimits(cpu_seconds=30)
    done = processes.run([sys.executable, "-c", ask], limits)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)

    assert most == resource.RLIM_INFINITY or most >= 35
    assert done.stdout.decode().strip() == "(30, 35)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_all_that_a_child_writes_is_read_also_when_it_writes_much_to_both_pipes():
    code = "import sys; sys.stderr.write('e' * 1_000_000); sys.stdout.write('o' * 1_000_000); sys.exit(3)"
    done = processes.run(python(code))

    assert (done.returncode, done.stdout, done.stderr) == (3, b"o" * 1_000_000, b"e" * 1_000_000)


@pytest.mark.slow
def test_a_child_that_works_for_ever_is_told_from_one_that_hangs(monkeypatch):
    monkeypatch.setattr(hangs, "HANG_SECONDS", 0.5)
    with pytest.raises(processes.OutOfCpu):
        processes.run(python("while True: pass"), processes.ChildLimits(cpu_seconds=1))
    with pytest.raises(Postponed):
        processes.run(python("import time; time.sleep(900)"), processes.ChildLimits(cpu_seconds=1))


@pytest.mark.slow
def test_a_child_that_ends_well_after_the_limit_of_its_cpu_time_has_done_its_work():
    code = "import signal, time; signal.signal(signal.SIGXCPU, signal.SIG_IGN)"
    code += "\nwhile time.process_time() < 1.2: pass"

    assert processes.run(python(code), processes.ChildLimits(cpu_seconds=1)).returncode == 0


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"])
def test_a_child_that_is_ended_from_outside_is_postponed(ending):
    with pytest.raises(Postponed):
        processes.run(python(f"import os, signal; os.kill(os.getpid(), signal.{ending})"))


def test_ffmpeg_that_is_told_to_end_is_postponed():
    """It ends by itself then, with a code: a service manager tells all processes of the service."""
    endless = ["-v", "error", "-nostdin", "-f", "lavfi", "-re", "-i", "anullsrc", "-f", "null", "-"]
    before = {child.pid for child in psutil.Process().children()}
    ended = threading.Thread(target=end_the_new_child, args=(before,))
    ended.start()
    with pytest.raises(Postponed):
        processes.run([processes.ffmpeg_path(), *endless])
    ended.join()


@pytest.mark.slow
def test_ffmpeg_that_has_used_up_its_cpu_time_is_told_from_that():
    busy = ["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc=size=hd1080", "-f", "null", "-"]
    with pytest.raises(processes.OutOfCpu):
        processes.run([processes.ffmpeg_path(), *busy], processes.ChildLimits(cpu_seconds=1))


def test_a_child_that_crashes_has_a_code():
    assert processes.run(python("import os; os.abort()")).returncode == -6


@pytest.mark.slow
def test_a_child_that_is_stopped_or_whose_child_is_does_not_hang(monkeypatch):
    """Longer than a child may hang; a thread lets it go on then."""
    monkeypatch.setattr(hangs, "HANG_SECONDS", 0.3)
    stop = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); print('went on')"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {stop!r}])"
    for code in (stop, nested):
        goes_on = threading.Thread(target=wake_the_stopped)
        goes_on.start()

        assert processes.run(python(code)).stdout == b"went on\n"
        goes_on.join()


def wake_the_stopped():
    """Let a stopped child or grandchild go on after a while in which one that sleeps would have hung."""

    def stopped():
        found = psutil.Process().children(recursive=True)
        return [child for child in found if child.status() == psutil.STATUS_STOPPED]

    wait_until(stopped, 20, "a child is stopped")
    (child,) = stopped()
    threading.Event().wait(1)
    child.resume()


def end_the_new_child(before):
    def new():
        found = [child for child in psutil.Process().children() if child.pid not in before]
        return [child for child in found if "lavfi" in child.cmdline() and "-I" not in child.cmdline()]

    wait_until(new, 20, "ffmpeg has started")
    # Until ffmpeg has set what it does at a signal, the signal itself ends it: either is from outside.
    new()[0].terminate()
