"""`hookframe serve`: runs the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hookframe.api.errors import ConfigError, LogUnusable
from hookframe.cli.console import print_config_errors, print_error
from hookframe.cli.options import PolicyOptions, policy_options
from hookframe.config.address import parse_address

if TYPE_CHECKING:
    from hookframe.config.address import Address
    from hookframe.config.model import Config


@click.command("serve", short_help="Run the daemon.")
@click.option(
    "--listen",
    "listen",
    metavar="ADDRESS",
    multiple=True,
    help="Listen here instead of the configured addresses (repeatable): "
    "[PROTOCOL+]unix:/PATH or [PROTOCOL+]tcp:IP:PORT.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Allow --listen addresses that other hosts can reach: they could query your policy.",
)
@click.option(
    "--unsupervised",
    is_flag=True,
    help="Run in one process, for a debugger: nothing replaces it when a hook hangs.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Report every problem of a start and exit; a running daemon is not affected.",
)
@policy_options
def command(
    policy: PolicyOptions,
    listen: tuple[str, ...],
    allow_remote: bool,
    unsupervised: bool,
    check: bool,
) -> int:
    """Run the daemon until SIGTERM or Ctrl-C. SIGHUP rebuilds the chain.

    PROTOCOL is jsonl (an attempt and a decision a line; the default), exim (for Exim's
    ${readsocket}) or explain (as jsonl, with a trace in each answer).

    \b
    Examples:
        hookframe serve --config /etc/hookframe/hookframe.toml
        hookframe serve --hook-file hook.py --listen unix:/tmp/hookframe.sock
        hookframe serve --check && systemctl reload hookframe
    """
    addresses = _parse_addresses(listen, allow_remote)
    source = policy.find_source()
    if check:
        from hookframe.cli.commands.serve.check import check_start  # noqa: PLC0415  (everything)

        return check_start(source, addresses, _explain_no_address)
    config = source.read().config
    if isinstance(config, ConfigError):
        print_config_errors(config)
        return 1
    from hookframe.daemon.sockets.activation import are_passed  # noqa: PLC0415

    if addresses is None and not config.listen and not are_passed():
        raise click.UsageError(_explain_no_address(config))
    from hookframe.daemon.main import serve  # noqa: PLC0415  (everything)
    from hookframe.log.setup import make_daemon_log  # noqa: PLC0415  (loguru)

    try:
        log = make_daemon_log(config.log)
    except LogUnusable as error:
        print_error(str(error))
        return 1
    status = serve(source, config, addresses, log, supervised=not unsupervised)
    if status and config.log.directory is not None:
        print_error(f"the daemon could not start; the reason is in {config.log.directory}/current")
    return status


def _parse_addresses(listen: tuple[str, ...], allow_remote: bool) -> tuple[Address, ...] | None:
    """Parse the addresses of the command line; None if there are none."""
    if not listen:
        if allow_remote:
            raise click.UsageError(
                "--allow-remote needs --listen; in the configuration, set allow_remote = true."
            )
        return None
    addresses = tuple(_parse_one(text, allow_remote) for text in listen)
    if len({str(address) for address in addresses}) < len(addresses):
        raise click.UsageError("--listen names the same address more than once.")
    return addresses


def _parse_one(text: str, allow_remote: bool) -> Address:
    try:
        return parse_address(text, allow_remote=allow_remote)
    except ValueError as error:
        hint = str(error).replace("set allow_remote = true", "use --allow-remote")
        raise click.UsageError(f"--listen: {hint}") from None


def _explain_no_address(config: Config) -> str:
    example = "unix:/run/hookframe/hookframe.sock"
    key = f'set listen = "{example}" in {config.path}, or ' if config.path else ""
    return f"no address to listen on: {key}use --listen {example}"
