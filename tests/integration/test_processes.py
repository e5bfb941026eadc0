"""Children get what they need of the environment and of the limits, and nothing more."""

import os
import resource
import subprocess
import sys

from memorycapsule import processes

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
    ran = parsed(processes.run(ECHO, timeout_seconds=20).stdout)

    for known in (started, ran):
        assert "hunter2" not in known.values()
        assert (known["PATH"], known["LANG"]) == (os.environ["PATH"], "ko_KR.UTF-8")


def test_a_caller_may_say_what_a_child_knows():
    known = parsed(processes.run(ECHO, timeout_seconds=20, env={"CAPSULE_TOKEN": "theirs"}).stdout)

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
done = processes.run([sys.executable, "-c", ask], limits, timeout_seconds=20)
print(done.stdout.decode(), done.stderr.decode())
"""
    done = subprocess.run([sys.executable, "-c", lowered], capture_output=True, check=True)

    assert done.stdout.decode().strip() == f"{(1 << 30, 1 << 30)} (50, 50)"


def test_without_limits_of_the_parent_a_child_gets_its_own():
    ask = "import resource as r; print(r.getrlimit(r.RLIMIT_CPU))"
    limits = processes.ChildLimits(cpu_seconds=30)
    done = processes.run([sys.executable, "-c", ask], limits, timeout_seconds=20)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)

    assert most == resource.RLIM_INFINITY or most >= 35
    assert done.stdout.decode().strip() == "(30, 35)"
