"""`hookframe status`: asks the running daemon how it is."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from hookframe.api.errors import ConfigError
from hookframe.cli.commands.status.client import NoStatus, ask, understood
from hookframe.cli.console import complain, complain_of_configuration
from hookframe.cli.options import NAME, SYSTEM_WIDE, VARIABLE, PolicyOptions, policy_options
from hookframe.config.address import PROTOCOLS, Address, parse_address
from hookframe.host.source import ConfigFile

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.status import Document

_JSONL: Final = PROTOCOLS[0]
_EXAMPLE: Final = "unix:/run/hookframe/hookframe.sock"


@click.command("status", short_help="Ask the running daemon how it is.")
@click.option(
    "--address",
    metavar="ADDRESS",
    help="Ask the daemon that listens here: unix:/PATH or tcp:IP:PORT. Default: the first address "
    "of the configuration on which it speaks jsonl.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--watch", is_flag=True, help="Ask again and again, until Ctrl-C.")
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    help="How often --watch asks.",
)
@policy_options
def command(
    policy: PolicyOptions, address: str | None, as_json: bool, watch: bool, interval: float
) -> int:
    """Ask the running daemon how it is: what it has decided, how fast, and what went wrong.

    The exit status is 1 if no daemon answers, or its policy can't be loaded.

    \b
    Examples:
        hookframe status
        hookframe status --watch
        hookframe status --json --address unix:/run/hookframe/hookframe.sock
    """
    where = _given(address) if address is not None else _configured(policy)
    if where is None:
        return 1
    if watch:
        _watch(where, interval, as_json=as_json)
    try:
        answer = ask(where)
        if as_json:
            click.echo(json.dumps(answer, indent=2))
        else:
            _print(understood(answer, where), where)
    except NoStatus as error:
        complain(str(error))
        return 1
    return 1 if answer.get("problem") else 0


def _given(text: str) -> Address:
    """Read the address of the command line."""
    try:
        address = parse_address(text, allow_remote=True)
    except ValueError as error:
        raise click.UsageError(f"--address: {error}") from None
    if address.protocol != _JSONL:
        raise click.UsageError(
            f"--address: the status is asked for in jsonl, not in {address.protocol}; name an "
            "address of the daemon without a protocol in front of it."
        )
    if not _can_be_asked(address):
        raise click.UsageError("--address: port 0 is none; the daemon's log says which one it is.")
    return address


def _configured(policy: PolicyOptions) -> Address | None:
    """Find where the daemon of a configuration listens; None where that can't be known."""
    if policy.without_configuration:
        raise click.UsageError(
            "--hook-file and --plugin do not say where a daemon listens: say --address."
        )
    path = policy.config_path()
    if path is None:
        complain(
            f"no configuration says where the daemon listens (${VARIABLE} is not set, and there is "
            f"neither ./{NAME} nor {SYSTEM_WIDE}): name it with --config, or say --address, for "
            f"example --address {_EXAMPLE}"
        )
        return None
    config = ConfigFile(path).look().config
    if isinstance(config, ConfigError):
        complain_of_configuration(config)
        complain("so it can't be known where the daemon listens: mend that, or say --address")
        return None
    address = next((each for each in config.listen if _can_be_asked(each)), None)
    if address is None:
        complain(_nowhere(config))
    return address


def _can_be_asked(address: Address) -> bool:
    return address.protocol == _JSONL and bool(address.path or address.port)


def _nowhere(config: Config) -> str:
    """Say which line makes a daemon answer."""
    chosen = next((each for each in config.listen if each.protocol == _JSONL), None)
    if chosen is not None:
        return (
            f"{config.path}: listen leaves the port to the system; the daemon's log says which one "
            f"it is: say --address {str(chosen).removesuffix('0')}PORT"
        )
    wanted = [*map(_written, config.listen), _EXAMPLE]
    line = json.dumps(wanted if len(wanted) > 1 else wanted[0])
    return (
        f"{config.path}: listen has no jsonl address, and only there the daemon says how it is: "
        f"write listen = {line}, and start it anew; if it was started with --listen, say --address"
    )


def _written(address: Address) -> str:
    return f"{address.protocol}+{address}"


def _print(document: Document, where: Address) -> None:
    from hookframe.cli.commands.status.view import console, screen  # noqa: PLC0415  (rich)

    console().print(screen(document, str(where)))


def _watch(where: Address, interval: float, *, as_json: bool) -> NoReturn:
    """Ask again and again, and show each answer; Ctrl-C ends that, and so does SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if as_json:
        _print_lines(_observed(where, interval))
    else:
        from hookframe.cli.commands.status.view import watch  # noqa: PLC0415  (rich)

        understandable = _understood(_observed(where, interval), where)
        watch(understandable, str(where), complain)
    raise KeyboardInterrupt


def _observed(where: Address, interval: float) -> Iterator[dict[str, Any] | NoStatus]:
    """Ask without end; a daemon that does not answer may do so the next time."""
    while True:
        try:
            yield ask(where)
        except NoStatus as error:
            yield error
        time.sleep(interval)


def _understood(
    observed: Iterable[dict[str, Any] | NoStatus], where: Address
) -> Iterator[Document | NoStatus]:
    for answer in observed:
        if isinstance(answer, NoStatus):
            yield answer
            continue
        try:
            yield understood(answer, where)
        except NoStatus as error:
            yield error


def _print_lines(observed: Iterable[dict[str, Any] | NoStatus]) -> None:
    """Print a line of JSON for each answer."""
    for answer in observed:
        if isinstance(answer, NoStatus):
            complain(f"{answer}; trying again")
        else:
            click.echo(json.dumps(answer))
