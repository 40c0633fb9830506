"""CONTRACT 4: the hook file: what it may be, and how a change of it goes live."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import pytest
from watchdog.observers.api import EventEmitter

from hookframe.files.snapshot import Writers
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL
from ..helpers.site import Site, hook, policy
from ..helpers.wait import for_a_while

ROOT = os.geteuid() == 0
SECOND = 1.0
"""The contract's own: a saved change is live within one second."""
DUMP = {"action": "dump"}


def says(message):
    """Write a hook file that answers with a message."""
    return hook(f"return {{'action': 'pause', 'message': {message!r}}}")


def message(host):
    return host.decide(ATTEMPT).get("message")


# What it may be


@pytest.mark.parametrize(
    "code",
    [
        "def pre_delivery_attempt(attempt):\n    return {'action': 'dump'}\n",
        "def pre_delivery_attempt():\n    return {'action': 'dump'}\n",
        "def pre_delivery_attempt(state, decision):\n    return {'action': 'dump'}\n",
        "def pre_delivery_attempt(decision=None, attempt=None):\n    return {'action': 'dump'}\n",
        "def pre_delivery_attempt(attempt, decision, state):\n    return {'action': 'dump'}\n",
        "def pre_delivery_attempt(state, attempt, decision, /):\n    return {'action': 'dump'}\n",
        "pre_delivery_attempt = lambda attempt: {'action': 'dump'}\n",
        "class Hook:\n"
        "    def __call__(self, attempt):\n        return {'action': 'dump'}\n"
        "pre_delivery_attempt = Hook()\n",
        "class Hook:\n"
        "    def decide(self, attempt):\n        return {'action': 'dump'}\n"
        "pre_delivery_attempt = Hook().decide\n",
        "from functools import partial\n"
        "def by(action, attempt):\n    return {'action': action}\n"
        "pre_delivery_attempt = partial(by, 'dump')\n",
        "from functools import cache, wraps\n"
        "def logged(function):\n"
        "    @wraps(function)\n"
        "    def around(*args, **kwargs):\n        return function(*args, **kwargs)\n"
        "    return around\n"
        "@logged\n"
        "def pre_delivery_attempt(attempt):\n    return {'action': 'dump'}\n",
        "from hookframe import hookimpl\n"
        "@hookimpl\n"
        "def pre_delivery_attempt(attempt):\n    return {'action': 'dump'}\n",
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Vote:\n    action: str = 'dump'\n"
        "def pre_delivery_attempt(attempt):\n    return vars(Vote())\n",
        "# -*- coding: latin-1 -*-\n"
        "def pre_delivery_attempt(attempt):\n    return {'action': 'dump'}\n",
    ],
)
def test_the_file_defines_any_callable_that_takes_any_of_three_arguments_by_name(code, site):
    host = site.file_host(code)
    assert (host.problem, host.decide(ATTEMPT)) == ("", DUMP)


def test_the_file_needs_no_import_from_hookframe_and_may_define_configure_and_close(site, log):
    code = (
        "def configure(settings):\n    global word\n    word = settings['word']\n"
        "def pre_delivery_attempt(attempt):\n    return {'action': 'pause', 'message': word}\n"
        "def close():\n    print('closing', word)\n"
    )
    toml = policy(hook_file="hook.py", plugins={"file": {"word": "hello"}})
    host = site.host(toml, code)
    assert message(host) == "hello"
    host.close()
    assert log.printed == ["plugin file: closing hello"]


def test_a_generation_of_the_file_is_configured_first_and_closed_when_the_next_is_in_use(site, log):
    code = (
        "def configure(settings):\n    print('configure {0}')\n"
        "def pre_delivery_attempt(attempt):\n"
        "    return {{'action': 'pause', 'message': '{0}'}}\n"
        "def close():\n    print('close {0}')\n"
    )
    host = site.file_host(code.format("one"))
    site.save(code.format("two"))
    host.reload()
    assert message(host) == "two"
    host.close()
    assert [line.removeprefix("plugin file: ") for line in log.printed] == [
        *("configure one", "configure two", "close one", "close two"),
    ]


def test_a_relative_hook_file_is_taken_from_the_directory_of_the_configuration(
    site, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    site.configure(policy(hook_file="hook.py"), says("here"))
    assert message(site.start()) == "here"


def test_the_file_stands_in_a_chain_by_the_name_file(site):
    host = site.host(policy(["file"], hook_file="hook.py"), says("here"))
    [vote] = host.explain(ATTEMPT).trace
    assert (vote["plugin"], vote["distribution"]) == ("file", str(site.file))


REFUSED = {
    "misspelt": ("def pre_delivery_attempt(atempt): pass", ["'atempt'", "did you mean attempt?"]),
    "misspelt with default": (
        "def pre_delivery_attempt(attempt, sate=None): pass",
        ["'sate'", "did you mean state?"],
    ),
    "async": ("async def pre_delivery_attempt(attempt): pass", ["async"]),
    "yields": ("def pre_delivery_attempt(attempt): yield", ["yields"]),
    "keyword-only": ("def pre_delivery_attempt(*, attempt): pass", ["attempt", "by name"]),
    "a wrapper": (
        "from hookframe import hookimpl\n"
        "@hookimpl(wrapper=True)\n"
        "def pre_delivery_attempt(attempt):\n    return (yield)",
        ["wrapper"],
    ),
    "an async callable object": (
        "class H:\n    async def __call__(self, attempt): pass\npre_delivery_attempt = H()",
        ["async"],
    ),
    "not callable": ("pre_delivery_attempt = {'action': 'dump'}", ["not callable", "dict"]),
    "no hook": ("def pre_delivery(attempt): pass", ["defines no pre_delivery_attempt"]),
    "empty": ("", ["defines no pre_delivery_attempt"]),
    "syntax error": ("def pre_delivery_attempt(attempt)\n    pass", ["SyntaxError", "line 1"]),
    "indentation": ("x = 1\n  y = 2", ["IndentationError", "line 2"]),
    "null bytes": ("x = 1\0", ["compiling"]),
    "raises": ("x = 1\nraise RuntimeError('no list')", ["RuntimeError: no list", "line 2"]),
    "import": ("import no_such_library", ["ModuleNotFoundError", "no_such_library", "line 1"]),
    "exits": ("raise SystemExit(3)", ["SystemExit: 3"]),
    "bad configure": (
        "def configure(setings): pass\ndef pre_delivery_attempt(attempt): pass",
        ["configure", "'setings'", "did you mean settings?"],
    ),
}


@pytest.mark.parametrize(("code", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_can_not_work_is_a_load_error_that_says_why(code, words, site):
    host = site.file_host(code)
    assert host.decide(ATTEMPT) == TEMPFAIL
    said = [*words, str(site.file), "plugin file"]
    assert [each for each in said if each not in host.problem] == []


def test_a_refused_file_leaves_no_module_behind(site):
    before = {name for name in sys.modules if name.startswith("hookframe_file")}
    site.file_host("raise RuntimeError")
    assert {name for name in sys.modules if name.startswith("hookframe_file")} == before


def test_a_configured_file_that_is_missing_is_a_load_error_not_an_empty_hook(site):
    host = site.host(policy(hook_file="hook.py"))
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert str(site.file) in host.problem
    assert "does not exist" in host.problem


def test_a_file_that_is_removed_never_vanishes_silently(site, log):
    host = site.file_host(says("here"), watch=True)
    site.file.unlink()
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL, SECOND)
    eventually(lambda: log.loading)
    assert "does not exist" in log.loading[0]
    site.save(says("again"))
    eventually(lambda: message(host) == "again", SECOND)


def test_a_directory_in_place_of_the_file_is_a_load_error(site):
    site.file.mkdir()
    assert site.host(policy(hook_file="hook.py")).decide(ATTEMPT) == TEMPFAIL


def test_a_fifo_in_place_of_the_file_is_a_load_error_and_does_not_hang(site):
    os.mkfifo(site.file)
    assert site.host(policy(hook_file="hook.py")).decide(ATTEMPT) == TEMPFAIL


# Who may write it


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o777, 0o620])
@pytest.mark.skipif(not ROOT, reason="only root can give a file to a group that is not its own")
def test_a_file_that_others_may_write_is_a_load_error(mode, site):
    site.configure(policy(hook_file="hook.py"), says("here"))
    os.chown(site.file, -1, 12345)
    site.file.chmod(mode)
    host = site.start()
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in (f"{mode:04o}", f"chmod go-w {site.file}", "trust_file_permissions = true"):
        assert words in host.problem


@pytest.mark.skipif(not ROOT, reason="the group root has no user but root")
def test_a_file_that_the_owners_private_group_may_write_is_accepted(site):
    site.configure(policy(hook_file="hook.py"), says("here"))
    site.file.chmod(0o664)
    assert message(site.start()) == "here"


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o640])
def test_a_file_that_only_its_owner_may_write_is_accepted(mode, site):
    site.configure(policy(hook_file="hook.py"), says("here"))
    site.file.chmod(mode)
    assert message(site.start()) == "here"


@pytest.mark.skipif(not ROOT, reason="only root can give a file to another user")
def test_a_file_of_another_user_is_a_load_error(site):
    site.configure(policy(hook_file="hook.py"), says("here"))
    os.chown(site.file, 12345, -1)
    host = site.start()
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in ("12345", "chown", "trust_file_permissions = true"):
        assert words in host.problem


AS_ANOTHER_USER = """
import os, sys
from hookframe.files.snapshot import Writers
from hookframe import Host
from hookframe.config.model import Config
Host.of(Config(), watch=False).close()  # imports all: another user may not read the interpreter's
os.seteuid(12345)
print(Host.from_config(sys.argv[1], watch=False).problem)
"""


@pytest.mark.slow
@pytest.mark.skipif(not ROOT, reason="only root can become the user that owns the file")
@pytest.mark.parametrize(("owner", "accepted"), [(12345, True), (0, True), (23456, False)])
def test_root_and_the_running_user_may_own_the_file_and_nobody_else(owner, accepted):
    with TemporaryDirectory() as name:  # pytest's own is closed to other users
        directory = Path(name)
        directory.chmod(0o755)
        site = Site(directory)
        site.configure(policy(hook_file="hook.py"), says("here"))
        os.chown(site.file, owner, -1)
        done = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, str(site.config)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert (done.stdout.strip() == "") is accepted, done.stdout


def test_the_configuration_may_trust_the_permissions(site):
    site.configure(policy(hook_file="hook.py", trust_file_permissions=True), says("here"))
    site.file.chmod(0o666)
    if ROOT:
        os.chown(site.file, 12345, -1)
    assert message(site.start()) == "here"


def test_a_change_of_permissions_alone_is_noticed(site):
    host = site.file_host(says("here"), watch=True)
    site.file.chmod(0o666)
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL, SECOND)
    site.file.chmod(0o644)
    eventually(lambda: message(host) == "here")


def test_permissions_are_those_of_the_file_behind_a_symbolic_link(site):
    real = site.directory / "real.py"
    real.write_text(says("here"))
    real.chmod(0o666)
    site.file.symlink_to(real)
    assert site.host(policy(hook_file="hook.py")).decide(ATTEMPT) == TEMPFAIL


# Ways of saving


def in_place(site, code):
    site.file.write_text(code)


def in_place_through_another_descriptor(site, code):
    with site.file.open("r+") as file:
        file.write(code)
        file.truncate()


def by_rename_over_it(site, code):
    other = site.directory / ".hook.py.swp"
    other.write_text(code)
    other.chmod(0o644)
    other.replace(site.file)


def by_a_move_from_elsewhere(site, code):
    elsewhere = site.directory.parent / "elsewhere.py"
    elsewhere.write_text(code)
    elsewhere.chmod(0o644)
    shutil.move(elsewhere, site.file)


def by_copying_over_it(site, code):
    elsewhere = site.directory.parent / "elsewhere.py"
    elsewhere.write_text(code)
    shutil.copyfile(elsewhere, site.file)


def as_vim_does(site, code):
    """Move the old one away, write a new one, remove the old one."""
    backup = site.directory / "hook.py~"
    site.file.rename(backup)
    with site.file.open("w") as file:
        file.write(code)
        file.flush()
        os.fsync(file.fileno())
    site.file.chmod(0o644)
    backup.unlink()


def by_a_hard_link(site, code):
    other = site.directory / "other.py"
    other.write_text(code)
    other.chmod(0o644)
    link = site.directory / "link.py"
    link.hardlink_to(other)
    link.replace(site.file)
    other.unlink()


def with_the_old_time_stamp(site, code):
    status = site.file.stat()
    site.file.write_text(code)
    os.utime(site.file, ns=(status.st_atime_ns, status.st_mtime_ns))


def after_the_directory_was_made_anew(site, code):
    aside = site.directory.parent / "aside"
    site.directory.rename(aside)
    site.directory.mkdir()
    shutil.copy(aside / "hookframe.toml", site.config)
    site.save(code)


WAYS = [
    in_place,
    in_place_through_another_descriptor,
    by_rename_over_it,
    by_a_move_from_elsewhere,
    by_copying_over_it,
    as_vim_does,
    by_a_hard_link,
    with_the_old_time_stamp,
    after_the_directory_was_made_anew,
]


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_a_saved_change_is_live_within_one_second(save, site):
    host = site.file_host(says("0 saved"), watch=True)
    for number in (1, 2, 3):
        save(site, says(f"{number} saved")) if site.file.exists() else None
        eventually(lambda n=number: message(host) == f"{n} saved", SECOND)
        if save is after_the_directory_was_made_anew:
            shutil.rmtree(site.directory.parent / "aside")


@pytest.fixture
def no_events(monkeypatch):
    """A file system that tells of no change, as NFS does not."""
    monkeypatch.setattr(EventEmitter, "queue_event", lambda emitter, event: None)


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_a_saved_change_is_live_within_one_second_without_change_events(save, site, no_events):
    host = site.file_host(says("old"), watch=True)
    save(site, says("new"))
    eventually(lambda: message(host) == "new", SECOND)


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_where_watching_can_not_start_it_is_said_and_a_change_is_live_all_the_same(
    save, site, log, monkeypatch
):
    def start(emitter):
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(EventEmitter, "start", start)
    host = site.file_host(says("old"), watch=True)
    assert any("inotify instance limit reached" in line for line in log.all)
    save(site, says("new"))
    eventually(lambda: message(host) == "new", SECOND)


@pytest.mark.parametrize("answer", [Writers.SOME, Writers.UNKNOWN])
@pytest.mark.parametrize("events", [True, False])
def test_a_saved_change_is_live_within_one_second_where_no_lease_is_granted(
    events, answer, site, request, monkeypatch
):
    """A network file system refuses every lease, and so does any for a file of another user."""
    monkeypatch.setattr("hookframe.files.snapshot._lease", lambda *_: answer)
    if not events:
        request.getfixturevalue("no_events")
    host = site.file_host(says("old"), watch=True)
    site.save(says("new"))
    eventually(lambda: message(host) == "new", SECOND)


def mounted(site, code, number):
    """Mount a version as Kubernetes mounts a ConfigMap: the file links into a swapped `..data`."""
    version = site.directory / f"..2026_{number}"
    version.mkdir()
    (version / site.file.name).write_text(code)
    (version / site.file.name).chmod(0o644)
    fresh = site.directory / "..data_tmp"
    fresh.symlink_to(version.name)
    fresh.replace(site.directory / "..data")
    if not site.file.is_symlink():
        site.file.symlink_to(f"..data/{site.file.name}")


@pytest.mark.parametrize("events", [True, False])
def test_a_swapped_symbolic_link_as_of_a_configmap_is_live_within_one_second(events, site, request):
    if not events:
        request.getfixturevalue("no_events")
    mounted(site, says("0 mounted"), 0)
    host = site.host(policy(hook_file="hook.py"), watch=True)
    for number in (1, 2, 3):
        mounted(site, says(f"{number} mounted"), number)
        shutil.rmtree(site.directory / f"..2026_{number - 1}")
        eventually(lambda n=number: message(host) == f"{n} mounted", SECOND)


def test_a_change_behind_a_symbolic_link_to_another_directory_is_live_within_one_second(site):
    elsewhere = site.directory.parent / "elsewhere"
    elsewhere.mkdir()
    real = elsewhere / "policy.py"
    real.write_text(says("old"))
    real.chmod(0o644)
    site.file.symlink_to(real)
    host = site.host(policy(hook_file="hook.py"), watch=True)
    assert message(host) == "old"
    real.write_text(says("new"))
    eventually(lambda: message(host) == "new", SECOND)


def test_an_unchanged_size_and_time_stamp_do_not_hide_a_change(site):
    host = site.file_host(says("aaa"), watch=True)
    for text in ("bbb", "ccc"):
        with_the_old_time_stamp(site, says(text))
        eventually(lambda t=text: message(host) == t, SECOND)


def test_no_stale_bytecode_is_run_after_an_edit_of_the_same_size(site):
    host = site.file_host(says("aaa"))
    for text in ("bbb", "ccc", "ddd"):
        site.save(says(text))
        host.reload()
        assert message(host) == text
    assert not (site.directory / "__pycache__").exists()


def test_a_name_that_was_deleted_from_the_file_is_gone(site):
    host = site.file_host(hook("return HELPER", "HELPER = {'action': 'dump'}"))
    assert host.decide(ATTEMPT) == DUMP
    site.save(hook("return HELPER"))
    host.reload()
    assert host.decide(ATTEMPT) == TEMPFAIL


def test_the_configuration_itself_goes_live_within_one_second(site, fake_plugins, log):
    site.configure(policy(hook_file="hook.py"), says("one"))
    (site.directory / "other.py").write_text(says("two"))
    (site.directory / "other.py").chmod(0o644)
    host = site.start(watch=True)
    site.config.write_text(policy(hook_file="other.py"))
    eventually(lambda: message(host) == "two", SECOND)
    site.config.write_text("chain = [")
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL, SECOND)
    other = site.directory / "new.toml"
    other.write_text(policy(["a"], plugins={"a": {"code": "return {'action': 'dump'}"}}))
    other.replace(site.config)
    eventually(lambda: host.decide(ATTEMPT) == DUMP, SECOND)
    (site.directory / "other.py").write_text(says("three"))
    site.config.write_text(policy(hook_file="other.py"))
    eventually(lambda: message(host) == "three", SECOND)


# No attempt is lost, no half-written file is run

WHOLE = hook("return {'action': 'pause', 'message': VERSION}\n# the end", "VERSION = '{}'")
"""Every beginning of it, up to its last line, is another policy or none."""


@pytest.mark.slow
def test_no_attempt_is_lost_while_the_file_is_saved_again_and_again(site, log):
    host = site.file_host(says("0"), watch=True)
    stop, wrong = threading.Event(), []

    def ask():
        while not stop.is_set():
            decision = host.decide(ATTEMPT)
            if decision == TEMPFAIL or not decision.get("message", "").isdigit():
                wrong.append(decision)

    asking = threading.Thread(target=ask)
    asking.start()
    ways = [in_place, by_rename_over_it, by_a_move_from_elsewhere, with_the_old_time_stamp]
    try:
        for number in range(1, 25):
            ways[number % len(ways)](site, says(str(number)))
            eventually(lambda n=number: message(host) == str(n), SECOND)
    finally:
        stop.set()
        asking.join()
    assert wrong == []
    assert log.errors == []


def test_a_save_that_moves_the_old_file_away_first_makes_no_attempt_temp_fail(site, log):
    host = site.file_host(says("0"), watch=True)
    for number in range(1, 25):
        as_vim_does(site, says(str(number)))
        answers = {str(host.decide(ATTEMPT).get("error"))}
        while message(host) != str(number):
            answers.add(str(host.decide(ATTEMPT).get("error")))
        assert answers == {"None"}
    assert log.errors == []


def written_slowly(path, code, mode, pause):
    """Write a file in pieces, each flushed, with a pause after it."""
    size = len(code) // 4 + 1
    with path.open(mode) as file:
        file.truncate(0)
        for start in range(0, len(code), size):
            file.write(code[start : start + size])
            file.flush()
            sleep(pause)


HALF = """
def pre_delivery_attempt(attempt):
    return {'action': 'normal'}

# a comment that is long enough to fill a piece of its own, and another, and another, and more
#
def pre_delivery_attempt(attempt):
    if attempt['recipient'].endswith('@blocked.example'):
        return {'action': 'dump'}
    return {'action': 'pause', 'message': 'whole'}
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["w", "r+"])
@pytest.mark.parametrize(
    ("place", "pause"), [("the file itself", 0.7), ("behind a link", 0.7), ("without events", 0.7)]
)
def test_a_half_written_file_is_never_run_however_slow_its_writer(
    mode, place, pause, site, request
):
    if place == "without events":
        request.getfixturevalue("no_events")
    real = site.file
    if place == "behind a link":
        real = site.directory.parent / "real.py"
        site.file.symlink_to(real)
    real.write_text(says("old"))
    real.chmod(0o644)
    host = site.host(policy(hook_file="hook.py"), watch=True)
    writing = threading.Thread(target=written_slowly, args=(real, HALF, mode, pause))
    writing.start()
    seen = []
    while writing.is_alive():
        seen += for_a_while(0.05, lambda: host.decide(ATTEMPT).get("message"))
    writing.join()
    assert set(seen) <= {"old", "whole"}
    eventually(lambda: message(host) == "whole", SECOND)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "pause"), [(Writers.SOME, 0.05), (Writers.UNKNOWN, 0.05), (Writers.UNKNOWN, 0.7)]
)
@pytest.mark.parametrize("mode", ["w", "r+"])
def test_where_no_lease_is_granted_a_file_that_goes_on_changing_is_not_run(
    mode, answer, pause, site, monkeypatch
):
    monkeypatch.setattr("hookframe.files.snapshot._lease", lambda *_: answer)
    host = site.file_host(says("old"), watch=True)
    writing = threading.Thread(target=written_slowly, args=(site.file, HALF, mode, pause))
    writing.start()
    seen = []
    while writing.is_alive():
        seen += for_a_while(0.05, lambda: host.decide(ATTEMPT).get("message"))
    writing.join()
    assert set(seen) <= {"old", "whole"}
    eventually(lambda: message(host) == "whole", SECOND)


@pytest.mark.slow
def test_a_file_that_is_half_written_when_the_host_starts_is_not_run(site):
    site.configure(policy(hook_file="hook.py"))
    with site.file.open("w") as file:
        file.write(HALF[: len(HALF) // 3])
        file.flush()
        site.file.chmod(0o644)

        def finish():
            sleep(0.3)
            file.write(HALF[len(HALF) // 3 :])
            file.flush()
            file.close()

        finishing = threading.Thread(target=finish)
        finishing.start()
        host = site.start(watch=True)
        seen = [host.decide(ATTEMPT)]
        while finishing.is_alive():
            seen += for_a_while(0.05, lambda: host.decide(ATTEMPT))
        finishing.join()
    assert all(each in (TEMPFAIL, {"action": "pause", "message": "whole"}) for each in seen)
    eventually(lambda: message(host) == "whole")


def test_a_new_generation_is_built_whole_before_it_is_swapped_in(site, fake_plugins):
    """The file is fine, another plugin of the new chain is not: nothing of the new one is run."""
    host = site.host(policy(hook_file="hook.py", on_load_error="keep"), says("old"))
    site.save(says("new"))
    site.config.write_text(policy(["file", "nowhere"], hook_file="hook.py", on_load_error="keep"))
    host.reload()
    assert message(host) == "old"
    assert "nowhere" in host.problem


# What it prints


def printing(body):
    """Ask a file that prints; the head gives it `sys`."""
    return hook(f"{body}\nreturn None", "import sys")


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("print('out')", ["out"]),
        ("print('err', file=sys.stderr)", ["err"]),
        ("print('a\\nb')", ["a", "b"]),
        ("sys.stderr.write('unfinished')", ["unfinished"]),
        ("sys.stdout.write('in '); sys.stdout.write('two pieces\\n')", ["in two pieces"]),
        ("sys.stdout.buffer.write(b'bytes\\n')", ["bytes"]),
        ("sys.stderr.buffer.write(b'\\xff\\n')", ["\\xff"]),
        ("sys.stdout.writelines(['one\\n', 'two\\n'])", ["one", "two"]),
        ("print('flushed', flush=True)", ["flushed"]),
        ("print('braces {0} {} {x}')", ["braces {0} {} {x}"]),
        ("print('<red>no markup</red>')", ["<red>no markup</red>"]),
        ("print('forged\\r2026 ERROR\\x1b[31m')", ["forged\\x0d2026 ERROR\\x1b[31m"]),
        ("print('ends'); sys.stdout.close(); print('goes on')", ["ends", "goes on"]),
        ("print()", [""]),
        ("print('ünï ✓')", ["ünï ✓"]),
    ],
)
def test_what_a_file_prints_reaches_the_log_a_line_each_with_the_plugins_name(
    body, lines, site, log, capsys
):
    host = site.file_host(printing(body))
    host.decide(ATTEMPT)
    host.close()
    assert log.printed == [f"plugin file: {line}" for line in lines]
    assert capsys.readouterr().out == ""


def test_a_line_of_two_streams_is_not_mixed(site, log):
    body = "sys.stdout.write('out '); sys.stderr.write('err ')\n"
    body += "print('1'); print('2', file=sys.stderr)"
    site.file_host(printing(body)).decide(ATTEMPT)
    assert log.printed == ["plugin file: out 1", "plugin file: err 2"]


def test_what_a_file_prints_while_it_is_loaded_reaches_the_log(site, log):
    site.file_host(hook("return None", "print('loading')"))
    assert log.printed == ["plugin file: loading"]


def test_each_line_carries_the_name_of_the_plugin_that_printed_it(site, fake_plugins, log):
    around = "print('before')\ndef around():\n    got = yield\n    print('after')\n    return got\n"
    plugins = {
        "outer": {"code": around + "return around()"},
        **{name: {"code": f"print('line of {name}')"} for name in ("a", "b")},
    }
    toml = policy(["outer", "a", "file", "b"], hook_file="hook.py", plugins=plugins)
    site.host(toml, hook("print('line of file')")).decide(ATTEMPT)
    assert log.printed == [
        "plugin outer: before",
        "plugin a: line of a",
        "plugin file: line of file",
        "plugin b: line of b",
        "plugin outer: after",
    ]


def test_an_unfinished_line_carries_the_name_of_the_plugin_that_began_it(site, fake_plugins, log):
    plugins = {
        "a": {"code": "print('begun', end='')"},
        "b": {"code": "print('another')"},
        "c": {"code": "return None"},
    }
    site.host(policy(["a", "b", "c"], plugins=plugins)).decide(ATTEMPT)
    assert sorted(log.printed) == ["plugin a: begun", "plugin b: another"]
    log.clear()
    host = site.host(policy(["a", "c"], plugins=plugins))
    host.decide(ATTEMPT)
    host.close()
    assert log.printed == ["plugin a: begun"]


def test_what_the_program_itself_prints_goes_where_it_always_did(site, capsys, log):
    host = site.file_host(printing("print('hook')"))
    print("before")
    host.decide(ATTEMPT)
    print("after")
    assert capsys.readouterr().out == "before\nafter\n"
    assert log.printed == ["plugin file: hook"]


def test_what_another_thread_prints_meanwhile_goes_where_it_always_did(site, capsys, log):
    entered, go_on = site.directory / "entered", site.directory / "go on"
    code = hook(
        f"""
        open({str(entered)!r}, "w").close()
        while not exists({str(go_on)!r}):
            sleep(0.002)
        print("hook")
        """,
        "from os.path import exists\nfrom time import sleep",
    )
    host = site.file_host(code, deadline="50s")
    asking = threading.Thread(target=host.decide, args=(ATTEMPT,))
    asking.start()
    eventually(entered.exists)
    print("program")
    sys.stdout.buffer.write(b"bytes\n")
    go_on.touch()
    asking.join()
    sys.stdout.flush()
    assert capsys.readouterr().out == "program\nbytes\n"
    assert log.printed == ["plugin file: hook"]


def test_prints_of_attempts_and_of_a_load_before_one_all_reach_the_log(site, capsys, log):
    before = sys.stdout, sys.stderr
    host = site.file_host(printing("print('attempt')"), watch=True)
    host.decide(ATTEMPT)
    site.save(hook("return {'action': 'dump'}", "print('loaded')"))
    eventually(lambda: host.decide(ATTEMPT) == DUMP)
    assert log.printed.count("plugin file: loaded") == 1
    assert log.printed.count("plugin file: attempt") >= 1
    assert capsys.readouterr().out == ""
    host.close()
    assert (sys.stdout, sys.stderr) == before


def test_while_a_host_is_open_the_program_prints_as_before(site, capfd):
    number = sys.stdout.fileno()
    host = site.file_host(printing("print('attempt')"))
    host.decide(ATTEMPT)
    print("text")
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.reconfigure(line_buffering=True)
    assert sys.stdout.fileno() == number
    assert not sys.stdout.isatty()
    host.close()
    sys.stdout.flush()
    assert sorted(capfd.readouterr().out.splitlines()) == ["bytes", "text"]


def test_a_redirection_of_the_programs_output_is_its_own_affair(site, capsys, log):
    host = site.file_host(printing("print('attempt')"))
    for text in ("one", "two"):
        host.decide(ATTEMPT)
        with redirect_stdout(io.StringIO()) as redirected:
            print(f"{text} inside")
            host.decide(ATTEMPT)
            print("still inside")
        print(f"{text} outside")
        assert redirected.getvalue() == f"{text} inside\nstill inside\n"
    host.close()
    assert capsys.readouterr().out == "one outside\ntwo outside\n"
    assert log.printed == ["plugin file: attempt"] * 4


def test_a_plugin_that_logs_to_standard_error_itself_does_not_feed_its_own_lines_back(site, log):
    from loguru import logger

    before = set(logger._core.handlers)  # no public way to list them; only to clean up
    head = "import sys\nfrom loguru import logger\nlogger.add(sys.stderr)\nprint('loaded')"
    try:
        host = site.file_host(hook("print('attempt')\nlogger.info('own')\nreturn None", head))
        assert host.decide(ATTEMPT) == NORMAL
    finally:
        for handler in set(logger._core.handlers) - before:
            logger.remove(handler)
    printed = [line for line in log.printed if line.endswith((": attempt", ": loaded"))]
    assert printed == ["plugin file: loaded", "plugin file: attempt"]
    assert len(log.all) < 20


def test_a_hook_that_leaves_another_standard_output_behind_harms_nobody(site, capsys):
    site.file_host(printing("import io\nsys.stdout = io.StringIO()")).decide(ATTEMPT)
    print("still here")
    assert capsys.readouterr().out == "still here\n"
