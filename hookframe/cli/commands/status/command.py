"""`hookframe status`: shows the daemon's health and counters."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from hookframe.api.errors import ConfigError
from hookframe.cli.commands.status.client import NoStatus, ask, can_be_asked, validate
from hookframe.cli.console import print_config_errors, print_error
from hookframe.cli.options import NO_CONFIG, PolicyOptions, policy_options
from hookframe.config.address import PROTOCOLS, Address, parse_address
from hookframe.host.source import ConfigFile

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.status import Document

_JSONL: Final = PROTOCOLS[0]
_EXAMPLE: Final = "unix:/run/hookframe/hookframe.sock"


@click.command("status", short_help="Show the daemon's health and counters.")
@click.option(
    "--address",
    metavar="ADDRESS",
    help="The daemon's address: unix:/PATH or tcp:IP:PORT. Default: the first jsonl address of the "
    "configuration.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--watch", is_flag=True, help="Repeat until Ctrl-C.")
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two updates of --watch.",
)
@click.option(
    "--fail-above",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    default=5.0,
    show_default=True,
    help="Exit with 1 if more of the attempts of the last minute were temporary failures.",
)
@policy_options
def command(
    policy: PolicyOptions,
    address: str | None,
    as_json: bool,
    watch: bool,
    interval: float,
    fail_above: float,
) -> int:
    """Show the running daemon's health and counters: decisions, times, errors.

    The exit status is 1 if no daemon answers, its policy can't be loaded, no worker serves, or too
    many attempts of the last minute were temporary failures.

    \b
    Examples:
        hookframe status
        hookframe status --watch
        hookframe status --json --address unix:/run/hookframe/hookframe.sock
    """
    where = _parse_address(address) if address is not None else _find_address(policy)
    if where is None:
        return 1
    if watch:
        _watch(where, interval, as_json=as_json)
    try:
        answer = ask(where)
        if as_json:
            click.echo(json.dumps(answer, indent=2))
        else:
            _print(validate(answer, where), where)
    except NoStatus as error:
        print_error(str(error))
        return 1
    failing = _describe_failures(answer, fail_above)
    if failing:
        print_error(failing)
    return 1 if failing or answer.get("problem") else 0


def _describe_failures(answer: dict[str, Any], allowed: float) -> str:
    """Describe how many attempts of the last minute failed, if too many; else an empty text."""
    recent = answer.get("last_minute", {})  # an older daemon has none
    attempts, failures = recent.get("attempts", 0), recent.get("temporary_failures", 0)
    if not attempts or 100 * failures <= allowed * attempts:
        return ""
    return (
        f"{failures:,} of the {attempts:,} attempts of the last minute were temporary failures "
        f"({100 * failures / attempts:.1f} %; --fail-above is {allowed:g} %)"
    )


def _parse_address(text: str) -> Address:
    """Parse the address of the command line."""
    try:
        address = parse_address(text, allow_remote=True)
    except ValueError as error:
        raise click.UsageError(f"--address: {error}") from None
    if address.protocol != _JSONL:
        raise click.UsageError(
            f"--address: the status needs the jsonl protocol, not {address.protocol}; use an "
            "address of the daemon without a protocol before it."
        )
    if not can_be_asked(address):
        raise click.UsageError(
            "--address: port 0 is not a port; the daemon's log has the right one."
        )
    return address


def _find_address(policy: PolicyOptions) -> Address | None:
    """Find the address of the daemon in its configuration; print an error if there is none."""
    if policy.without_configuration:
        raise click.UsageError(
            "--hook-file and --plugin have no address of a daemon: use --address."
        )
    path = policy.config_path()
    if path is None:
        print_error(
            f"no configuration with the daemon's address ({NO_CONFIG}): use --config or --address, "
            f"for example --address {_EXAMPLE}"
        )
        return None
    config = ConfigFile(path, trusted=True).read().config
    if isinstance(config, ConfigError):
        print_config_errors(config)
        print_error("so the daemon's address is unknown: fix the configuration, or use --address")
        return None
    address = next((each for each in config.listen if can_be_asked(each)), None)
    if address is None:
        print_error(_explain_no_address(config))
    return address


def _explain_no_address(config: Config) -> str:
    """Explain which line of the configuration is missing."""
    chosen = next((each for each in config.listen if each.protocol == _JSONL), None)
    if chosen is not None:
        return (
            f"{config.path}: listen leaves the port to the system; find it in the daemon's log and "
            f"use --address {str(chosen).removesuffix('0')}PORT"
        )
    wanted = [*map(_format_address, config.listen), _EXAMPLE]
    line = json.dumps(wanted if len(wanted) > 1 else wanted[0])
    problem = "listen has no jsonl address" if config.listen else "listen is not set"
    return (
        f"{config.path}: {problem}, and status needs a jsonl address: "
        f"set listen = {line} and restart the daemon, or use --address"
    )


def _format_address(address: Address) -> str:
    return f"{address.protocol}+{address}"


def _print(document: Document, where: Address) -> None:
    from hookframe.cli.commands.status.view import build_screen, make_console  # noqa: PLC0415  (rich)

    make_console().print(build_screen(document, str(where)))


def _watch(where: Address, interval: float, *, as_json: bool) -> NoReturn:
    """Show the status repeatedly, until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if as_json:
        _print_lines(_poll(where, interval))
    else:
        from hookframe.cli.commands.status.view import watch  # noqa: PLC0415  (rich)

        validated = _validate_all(_poll(where, interval), where)
        watch(validated, str(where), print_error)
    raise KeyboardInterrupt


def _poll(where: Address, interval: float) -> Iterator[dict[str, Any] | NoStatus]:
    """Request the status repeatedly; yield errors too, as the daemon may come back."""
    while True:
        try:
            yield ask(where)
        except NoStatus as error:
            yield error
        time.sleep(interval)


def _validate_all(
    observed: Iterable[dict[str, Any] | NoStatus], where: Address
) -> Iterator[Document | NoStatus]:
    for answer in observed:
        if isinstance(answer, NoStatus):
            yield answer
            continue
        try:
            yield validate(answer, where)
        except NoStatus as error:
            yield error


def _print_lines(observed: Iterable[dict[str, Any] | NoStatus]) -> None:
    """Print a line of JSON for each answer."""
    for answer in observed:
        if isinstance(answer, NoStatus):
            print_error(f"{answer}; trying again")
        else:
            click.echo(json.dumps(answer))
