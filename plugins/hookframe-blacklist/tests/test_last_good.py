"""`on_broken_list = "keep"`: the last good list goes on, for a time, and the log says so."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import pytest
from hookframe_blacklist import Blacklist, BlacklistError
from hookframe_blacklist.limits import SMALL

from hookframe import Host
from hookframe.testing import eventually

OLD, NEW = "old@example.org", "new@example.org"
MANY = "".join(f"user{number}@host{number % 97}.example\n" for number in range(12_000))
SIZES = pytest.mark.parametrize("many", ["", MANY], ids=["small", "large"])


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def path(tmp_path, many):
    path = tmp_path / "blocked.txt"
    path.write_text(f"{many}{OLD}\n")
    return path


@pytest.fixture
def opened(state, path):
    """Makes plugins that keep the last good list, and are closed in the end."""
    plugins = []

    def make(**settings):
        plugins.append(Blacklist())
        given = {"recipients": str(path), "check_every": "0s", "on_broken_list": "keep"}
        plugins[-1].configure(given | settings, str(state))
        return plugins[-1]

    yield make
    for plugin in plugins:
        plugin.close()


@pytest.fixture
def blocks(attempt):
    return lambda plugin, recipient: bool(plugin.pre_delivery_attempt(attempt(recipient=recipient)))


def remove(path, many):
    del many
    path.unlink()


def break_line(path, many):
    path.write_text(f"{many}{NEW}\nnobody\n")


def put_a_table(path, many):
    path.write_text("name,email\n" + "".join(f"x,{line}\n" for line in many.split()) + f"x,{NEW}\n")


def empty_archive(path, many):
    del many
    path.write_bytes(b"\x1f\x8b")


BROKEN = pytest.mark.parametrize("break_it", [remove, break_line, put_a_table, empty_archive])


@SIZES
@BROKEN
def test_the_last_good_list_goes_on_for_one_that_breaks(
    many, break_it, path, opened, blocks, caplog
):
    plugin = opened()
    break_it(path, many)
    eventually(lambda: blocks(plugin, OLD) and plugin.remarks())
    assert not blocks(plugin, NEW)
    [remark] = plugin.remarks()
    assert str(path) in remark
    assert ". The last good list goes on: since 20" in remark
    assert "0 h 0 min ago" in remark
    assert remark in caplog.messages


@SIZES
@BROKEN
def test_it_goes_on_in_a_new_process_too(many, break_it, path, opened, blocks, caplog):
    opened().close()
    break_it(path, many)
    plugin = opened()
    assert blocks(plugin, OLD)
    assert not blocks(plugin, NEW)
    assert ". The last good list goes on: since 20" in caplog.text


@SIZES
def test_it_goes_on_after_a_start_of_the_machine(many, path, state, opened, blocks):
    opened().close()
    for each in (state / "blacklist").iterdir():  # those of before such a start are not used
        if each.suffix in (".table", ".seen"):
            each.unlink()
    path.unlink()
    assert blocks(opened(), OLD)


@SIZES
def test_a_mended_list_is_used_and_ends_it(many, path, state, opened, blocks, caplog):
    caplog.set_level("INFO")
    opened().close()
    path.unlink()
    plugin = opened()
    assert blocks(plugin, OLD)
    path.write_text(f"{many}{NEW}\n")
    eventually(lambda: blocks(plugin, NEW))
    assert not blocks(plugin, OLD)
    assert plugin.remarks() == []
    assert f"{path} is right again, and in use" in caplog.text
    assert not list((state / "blacklist").glob("*.broken"))


@SIZES
def test_since_when_outlives_a_start_and_max_age_ends_it(many, path, state, opened, blocks):
    plugin = opened()
    path.unlink()
    assert blocks(plugin, OLD)
    [since] = (state / "blacklist").glob("*.broken")
    since.write_text(str(float(since.read_text()) - 7200))
    again = opened(max_age="3h")
    assert "2 h 0 min ago" in again.remarks()[0]
    with pytest.raises(BlacklistError, match=r"gone on since 20.*longer than max_age = '90m'"):
        opened(max_age="90m")


@SIZES
def test_after_max_age_every_attempt_fails_until_the_list_is_mended(many, path, opened, blocks):
    plugin = opened(max_age="1s")
    path.unlink()
    assert blocks(plugin, OLD)

    def outcome():
        try:
            return blocks(plugin, NEW)
        except BlacklistError as error:
            return str(error)

    eventually(lambda: "longer than max_age = '1s'" in str(outcome()))
    path.write_text(f"{many}{NEW}\n")
    eventually(lambda: outcome() is True)


@pytest.mark.parametrize("many", [""])
def test_a_list_that_was_never_right_is_an_error(path, opened):
    path.unlink()
    with pytest.raises(BlacklistError, match=r"does not exist.*There is no last good list"):
        opened()


@pytest.mark.parametrize("many", [""])
def test_without_the_setting_nothing_goes_on(path, opened):
    opened().close()
    path.unlink()
    with pytest.raises(BlacklistError, match=r"does not exist"):
        opened(on_broken_list="error")


@pytest.mark.parametrize("many", [""])
def test_a_copy_that_another_user_could_have_written_is_not_used(path, state, opened):
    opened().close()
    [copy] = (state / "blacklist").glob("*.good")
    copy.chmod(0o666)
    path.unlink()
    with pytest.raises(BlacklistError, match="There is no last good list"):
        opened()


@pytest.mark.parametrize("many", [""])
def test_one_copy_is_kept_and_it_is_that_of_the_newest_list(path, state, opened, blocks):
    plugin = opened()
    for number in range(5):
        path.write_text(f"a{number}@example.org\n")
        eventually(lambda number=number: blocks(plugin, f"a{number}@example.org"))

    def kept():
        with suppress(FileNotFoundError):  # one that is being removed
            return [each.read_text() for each in (state / "blacklist").glob("*.good")]

    eventually(lambda: kept() == ["a4@example.org\n"])


@pytest.mark.parametrize("many", [""])
def test_a_list_that_is_being_written_at_the_start_is_no_outage(path, state, opened, blocks):
    opened().close()
    with path.open("w") as file:
        file.write(NEW)
        file.flush()
        plugin = opened()
        assert blocks(plugin, OLD)
    os.utime(path)
    eventually(lambda: blocks(plugin, NEW))


@pytest.mark.slow
def test_an_import_breaks_one_night_and_mail_goes_on(tmp_path, state, attempt, caplog):
    from click.testing import CliRunner
    from hookframe_blacklist.commands import command

    export, path = tmp_path / "export.csv", tmp_path / "blocked.txt"
    rows = "".join(f'{number},"user{number}@host.example"\r\n' for number in range(200_000))
    export.write_bytes(f"\ufeffid,email\r\n{rows}".encode())
    done = CliRunner().invoke(command, ["import", "--list", str(path), str(export)])
    assert f"{path}: 200,000 added of the 200,000 rows" in done.output
    assert path.stat().st_size > SMALL
    config = tmp_path / "hookframe.toml"
    settings = {"recipients": str(path), "on_broken_list": "keep", "check_every": "100ms"}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    config.write_text(
        f'chain = ["blacklist"]\nstate_directory = "{state}"\n[plugins.blacklist.settings]\n{lines}'
    )
    last = attempt(recipient="user199999@host.example")
    with Host.from_config(config, watch=False) as host:
        assert host.decide(last)["action"] == "dump"
        path.write_text(path.read_text().replace("user7@host.example", "user7 at host.example"))
        eventually(
            lambda: (
                host.decide(last)["action"] == "dump"
                and "The last good list goes on: since 20" in caplog.text
            )
        )
        assert "'user7 at host.example' is neither an address" in caplog.text
        assert host.decide(last)["action"] == "dump"
    with Host.from_config(config, watch=False) as host:
        assert not host.problem
        assert host.decide(last)["action"] == "dump"
