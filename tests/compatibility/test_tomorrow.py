"""A hookframe of tomorrow has arguments and hooks that come and go; plugins of today go on.

Each one is made as docs/plugins/stability.md tells a maintainer to make it.
"""

from __future__ import annotations

import json

import pytest

from hookframe import API_VERSION

from .releases import IMPORTED, Edit, Release, lay_down, oldest, row, version
from .test_today import assert_the_corpus_decides

pytestmark = pytest.mark.slow

NEXT, AFTER = API_VERSION + 1, API_VERSION + 2
THREE = ('"attempt"', '"decision"', '"state"')
NOW = 1483391741
THREE_IN_A_CALL = r"\((attempt(?:: Attempt)?, decision(?:: Decision)?, state(?:: State)?)\)"
NEW_ARGUMENT = (
    version(NEXT),
    IMPORTED,
    row("pre_delivery_attempt", *THREE, f'Argument("now", since={NEXT})'),
    Edit("hookspecs.py", rf"(def pre_delivery_attempt){THREE_IN_A_CALL}", r"\1(\2, now: int)"),
    Edit("chain.py", rf"( call){THREE_IN_A_CALL}", rf"\1(\2, {NOW})"),
    Edit("unrolled.py", rf"(call\{{number\}}){THREE_IN_A_CALL}", rf"\1(\2, {NOW})"),
    Edit("step.py", rf"(call|timed){THREE_IN_A_CALL}", r"\1(\2, now)"),
    Edit("wrapper.py", r"(_hook\(.*), state=state\)", rf"\1, state=state, now={NOW})"),
)
"""The chain tells its plugins the time."""
GOES = f'deprecated=Deprecated({NEXT}, {AFTER}, "keep what it remembers on its own object")'
DEPRECATED_ARGUMENT = (
    version(NEXT),
    IMPORTED,
    row("pre_delivery_attempt", *THREE[:2], f'Argument("state", {GOES})'),
)
"""The dict that all plugins share is to go away."""
LATER = f'deprecated=Deprecated({NEXT}, {AFTER}, "read its files by itself")'
GONE_ARGUMENT = (
    version(AFTER),
    IMPORTED,
    row("configure", '"settings"', f'Argument("files", {LATER})'),
    Edit("generation.py", r"plugin\.configure\(settings, files\)", "plugin.configure(settings)"),
)
"""`configure` has only the settings left."""
HOOK_GOES = f'deprecated=Deprecated({NEXT}, {AFTER}, "log what it has to say")'
DEPRECATED_HOOK = (version(NEXT), IMPORTED, row("remarks", HOOK_GOES))
GONE_HOOK = (version(AFTER), IMPORTED, row("remarks", HOOK_GOES))
ADDED_HOOK = (
    version(NEXT),
    IMPORTED,
    Edit(
        "hookspecs.py",
        r"(HOOKS: .* = \{\n)",
        rf'\1    "queued": Hook.taking("attempt", since={NEXT}),\n',
    ),
)
TELLS_THE_TIME = """
from hookframe import hookimpl

hookframe_api_version = {declared}

@hookimpl
def pre_delivery_attempt(now, attempt):
    return {{"action": "pause", "message": f"{{attempt['msguid']}} at {{now}}"}}
"""
TELLS_THE_TIME_AROUND = """
from hookframe import hookimpl

@hookimpl(wrapper=True)
def pre_delivery_attempt(now):
    decision = yield
    return {**decision, "message": f"{decision['message']}, around it {now}"}
"""
TELLS_THE_TIME_WHERE_IT_CAN = """
from hookframe import API_VERSION, hookimpl

hookframe_api_version = min(API_VERSION, 2)

if API_VERSION >= 2:

    @hookimpl
    def pre_delivery_attempt(now):
        return {"action": "pause", "message": f"at {now}"}

else:

    @hookimpl
    def pre_delivery_attempt():
        return {"action": "pause", "message": "at some time"}
"""
REMARKS_WHERE_IT_CAN = """
from hookframe import hookimpl

hookframe_api_version = 1

@hookimpl
def pre_delivery_attempt():
    return None

@hookimpl(optionalhook=True)
def remarks():
    return ["all is well"]
"""


def decided(release, directory, *options):
    """Decide about the sample attempt."""
    done = release.hookframe("decide", *options, "msguid=1", directory=directory)
    return json.loads(done.stdout)


def checked(release, directory, *options, status=0):
    """Check a policy; give the report."""
    done = release.hookframe("check", "--json", *options, directory=directory, status=status)
    return json.loads(done.stdout)


def problems(report):
    """Give the texts of what is wrong, each with its plugin."""
    return {each["plugin"]: each["text"] for each in report["problems"]}


@pytest.mark.parametrize("edits", [(), NEW_ARGUMENT, DEPRECATED_ARGUMENT, ADDED_HOOK])
def test_a_plugin_written_today_runs_on(edits, tomorrow, directory):
    assert_the_corpus_decides(tomorrow(*edits), directory)


def test_a_plugin_written_today_is_told_nothing_of_an_argument_that_came(tomorrow, directory):
    report = checked(tomorrow(*NEW_ARGUMENT), directory)
    assert report["ok"]
    assert [note.partition(":")[0] for note in report["notes"]] == ["everything"]


def test_whoever_names_a_new_argument_gets_it_with_a_deadline_and_around_the_chain_too(
    tomorrow, directory, installed
):
    lay_down(installed, "clock", TELLS_THE_TIME.format(declared=NEXT))
    lay_down(installed, "around", TELLS_THE_TIME_AROUND)
    (directory / "clock.toml").write_text(
        'chain = ["around", "clock"]\n[plugins.clock]\ndeadline = "5s"\n'
    )
    release = Release((*tomorrow(*NEW_ARGUMENT).path[:1], installed))
    message = f"1 at {NOW}, around it {NOW}"
    assert decided(release, directory, "--config", "clock.toml") == {
        "action": "pause",
        "message": message,
    }
    explained = decided(release, directory, "--config", "clock.toml", "--explain")
    assert explained["decision"]["message"] == message


def test_a_hook_file_that_names_a_new_argument_gets_it(tomorrow, directory):
    file = directory / "clock.py"
    file.write_text(TELLS_THE_TIME.format(declared=NEXT).replace("@hookimpl", ""))
    file.chmod(0o644)
    message = f"1 at {NOW}"
    assert decided(tomorrow(*NEW_ARGUMENT), directory, "--hook-file", "clock.py") == {
        "action": "pause",
        "message": message,
    }


def test_a_plugin_that_declares_less_than_it_takes_is_refused(tomorrow, directory, installed):
    lay_down(installed, "clock", TELLS_THE_TIME.format(declared=API_VERSION))
    report = checked(tomorrow(*NEW_ARGUMENT), directory, "--plugin", "clock", status=1)
    assert problems(report) == {
        "clock": "pre_delivery_attempt takes the argument 'now', which came with version "
        f"{NEXT} of the hook API, but the plugin declares version {API_VERSION}: declare "
        f"hookframe_api_version = {NEXT}, or do without"
    }


def test_a_plugin_written_tomorrow_is_refused_today(directory, installed):
    lay_down(installed, "clock", TELLS_THE_TIME.format(declared=NEXT))
    lay_down(installed, "around", TELLS_THE_TIME_AROUND)
    today = Release((installed,))
    report = checked(today, directory, "--plugin", "clock", "--plugin", "around", status=1)
    texts = problems(report)
    assert f"was written for version {NEXT} of the hook API" in texts["clock"]
    assert f"this hookframe has {API_VERSION}" in texts["clock"]
    assert "takes an argument 'now'" in texts["around"]


def test_one_plugin_may_be_written_for_today_and_for_tomorrow(tomorrow, directory, installed):
    lay_down(installed, "clock", TELLS_THE_TIME_WHERE_IT_CAN)
    today = decided(Release((installed,)), directory, "--plugin", "clock")
    assert today["message"] == "at some time"
    release = tomorrow(*NEW_ARGUMENT)
    assert decided(release, directory, "--plugin", "clock")["message"] == f"at {NOW}"


def test_check_notes_who_takes_a_deprecated_argument_and_what_to_do_instead(tomorrow, directory):
    notes = checked(tomorrow(*DEPRECATED_ARGUMENT), directory)["notes"]
    told = "pre_delivery_attempt takes the argument 'state', which is deprecated since version "
    told += f"{NEXT} of the hook API and goes away with version {AFTER}: it should keep what it "
    told += "remembers on its own object; mend or upgrade it by then"
    assert notes[:-1] == [
        *(
            f"plugin {name}, written-for-1 1.0: {told}"
            for name in ("around", "everything", "module", "undeclared")
        ),
        f"plugin file, {directory}/hook.py: {told}",
    ]


def test_the_log_tells_of_a_deprecated_argument_once_a_load(tomorrow, directory):
    program = (
        "from hookframe import Host\n"
        "with Host.from_config('hookframe.toml', watch=False) as host:\n"
        "    host.reload()\n"
        "    host.reload()\n"
        "    assert host.problem == ''\n"
    )
    done = tomorrow(*DEPRECATED_ARGUMENT).run("-c", program, directory=directory)
    lines = [line for line in done.stderr.splitlines() if "deprecated: " in line]
    assert all("WARNING" in line for line in lines)
    loads = {name: sum(f"(plugin {name}," in line for line in lines) for name in ("module", "file")}
    assert loads == {"module": 1, "file": 3}
    assert sum("(plugin script," in line for line in lines) == 0
    assert "(plugin module, written-for-1 1.0)" in done.stderr


def test_an_argument_that_is_gone_is_refused_with_what_to_do_and_harms_no_other_plugin(
    tomorrow, directory
):
    release = tomorrow(*GONE_ARGUMENT)
    texts = problems(checked(release, directory, status=1))
    told = f"configure takes the argument 'files', which went away with version {AFTER} of the "
    told += "hook API: it should read its files by itself; mend or upgrade it"
    assert texts == dict.fromkeys(("everything", "script", "file"), told)
    (directory / "hook.py").write_text(
        "def configure(settings):\n    global limit\n    limit = settings['limit']\n\n"
        "def pre_delivery_attempt():\n    return {'action': 'pause', 'message': f'{limit}'}\n"
    )
    (directory / "rest.toml").write_text(
        'chain = ["module", "undeclared", "file"]\nhook_file = "hook.py"\n'
        "[plugins.file.settings]\nlimit = 3\n"
    )
    assert decided(release, directory, "--config", "rest.toml")["message"] == "3"


def test_a_deprecated_hook_is_called_and_noted(tomorrow, directory):
    notes = checked(tomorrow(*DEPRECATED_HOOK), directory)["notes"]
    assert notes[0] == (
        "plugin everything, written-for-1 1.0: implements remarks, which is deprecated since "
        f"version {NEXT} of the hook API and goes away with version {AFTER}: it should log what it "
        "has to say; mend or upgrade it by then"
    )
    assert notes[1].startswith("everything: it saw ")


def test_a_hook_that_is_gone_is_refused_unless_it_is_optional(tomorrow, directory, installed):
    release = tomorrow(*GONE_HOOK)
    report = checked(release, directory, status=1)
    told = f"implements remarks, which went away with version {AFTER} of the hook API: it should "
    told += "log what it has to say; mend or upgrade it"
    assert problems(report) == {"everything": told}
    lay_down(installed, "optional", REMARKS_WHERE_IT_CAN)
    report = checked(release, directory, "--plugin", "optional")
    assert report["notes"] == []


def test_an_optional_hook_of_a_later_version_needs_no_other_declaration(
    tomorrow, directory, installed
):
    code = REMARKS_WHERE_IT_CAN.replace("def remarks()", "def queued(attempt)")
    lay_down(installed, "ahead", code)
    lay_down(installed, "careless", code.replace("(optionalhook=True)", ""))
    release = tomorrow(*ADDED_HOOK)
    options = ("--plugin", "ahead", "--plugin", "careless")
    assert problems(checked(release, directory, *options, status=1)) == {
        "careless": f"implements queued, which came with version {NEXT} of the hook API, but the "
        f"plugin declares version {API_VERSION}: declare hookframe_api_version = {NEXT}, or do "
        "without"
    }


def test_a_plugin_that_was_written_for_too_old_a_version_is_refused(tomorrow, directory):
    release = tomorrow(version(AFTER), oldest(NEXT))
    texts = problems(checked(release, directory, status=1))
    told = f"was written for version {API_VERSION} of the hook API; this hookframe has {AFTER}, "
    told += f"and still takes {NEXT}: upgrade the plugin, or install an older hookframe"
    declared = ("around", "everything", "module", "script", "file")
    assert texts == dict.fromkeys(declared, told)
