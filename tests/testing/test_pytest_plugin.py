"""hookframe as a plugin of pytest: there without any import, and free where it is not used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def run_pytest(directory, *arguments):
    """Run pytest in a directory of its own, without any configuration."""
    (directory / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        check=False,
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )


def test_the_fixture_is_there_without_any_import(tmp_path):
    (tmp_path / "hook.py").write_text(
        "def pre_delivery_attempt(attempt):\n    return {'action': 'pause'}\n"
    )
    (tmp_path / "test_hook.py").write_text(
        "from pathlib import Path\n"
        "def test_it_holds(chain):\n"
        "    policy = chain(Path(__file__).with_name('hook.py'))\n"
        "    policy.assert_decision({'action': 'pause'}, recipient='a@b.example')\n"
        "def test_it_fails(chain):\n"
        "    policy = chain(Path(__file__).with_name('hook.py'))\n"
        "    policy.assert_decision({'action': 'dump'})\n"
    )
    ended = run_pytest(tmp_path)
    assert "1 failed, 1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert "the decision is  pause" in ended.stdout


def test_it_costs_whoever_does_not_use_it_one_small_module(tmp_path):
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_what_is_loaded():\n"
        "    ours = {name for name in sys.modules if name.startswith('hookframe')}\n"
        "    assert ours == {'hookframe', 'hookframe.testing', 'hookframe.testing.pytest_plugin'}\n"
        "    for heavy in ('msgspec', 'loguru', 'watchdog', 'uvloop', 'click'):\n"
        "        assert heavy not in sys.modules\n"
    )
    ended = run_pytest(tmp_path)
    assert ended.returncode == 0, ended.stdout


def test_it_is_listed_among_the_fixtures_with_a_sentence(tmp_path):
    ended = run_pytest(tmp_path, "--fixtures")
    assert "chain -- " in ended.stdout
    assert "Make chains of hookframe's plugins" in ended.stdout
