"""The same load by three programs: Locust's file and k6's script are read by what runs them."""

import ast
import shutil
import subprocess
from pathlib import Path

from support.servers import is_missing

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_script_for_k6_is_read_by_nodes_parser(tmp_path):
    node = shutil.which("node")
    if node is None:
        is_missing("No node here, whose parser reads the script for k6.")
    # k6 takes every script for a module; node goes by the name.
    module = tmp_path / "k6.mjs"
    shutil.copy(BENCHMARKS / "k6.js", module)
    done = subprocess.run([node, "--check", module], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_both_scripts_ask_for_the_addresses_and_pieces_of_the_pages():
    page = (BENCHMARKS.parent / "src/memorycapsule/daemon/http/static/js/sending.js").read_text()
    assert "const PART = 5_000_000;" in page
    k6, locust = ((BENCHMARKS / name).read_text() for name in ("k6.js", "locustfile.py"))
    ast.parse(locust)
    assert ("PART = 5_000_000" in k6, "PART = 5_000_000" in locust) == (True, True)
    for name in ("announce", "send a piece", "ask", "sealed page"):
        assert (f'name: "{name}"' in k6, f'name="{name}"' in locust) == (True, True)
