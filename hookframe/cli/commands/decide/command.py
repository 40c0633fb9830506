"""`hookframe decide`: decides one attempt, or a stream of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from hookframe.api.attempt import encode_line, parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.chain.trace import Explanation, explanation_document
from hookframe.cli.child import PolicyDied, find_load_time, run_in_child
from hookframe.cli.commands.decide.arguments import build_attempt
from hookframe.cli.commands.decide.remote import ask_daemon
from hookframe.cli.console import CommandLog, is_terminal, print_error, print_note
from hookframe.cli.interrupt import Interrupt
from hookframe.cli.options import PolicyOptions, policy_options
from hookframe.cli.samples import SAMPLE
from hookframe.cli.stdio import find_remaining_size, read_lines, take_input, take_output
from hookframe.host.host import Host

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.cli.commands.decide.progress import Bar
    from hookframe.host.source import Source

_SAMPLES: Final = "\n".join(f"    {key}={value}" for key, value in SAMPLE.items()).replace(
    "=True", "=true"
)
_HELP: Final = f"""Decide about one attempt from the arguments, or, without any, a stream of them:
JSON lines on standard input, each with all nine keys. Prints one decision a line.

A line that is not an attempt is a temporary failure; the reason is printed on standard error.
The exit status is 1 if the chain can't be built or any decision was an error.

\b
Examples:
    hookframe decide recipient=bob@example.com sendid=shop
    hookframe decide --explain recipient=bob@example.com
    hookframe decide < attempts.jsonl > decisions.jsonl
    hookframe decide --now 2026-12-24T22:00 recipient=bob@example.com
    hookframe decide --address unix:/run/hookframe/hookframe.sock recipient=bob@example.com

\b
Defaults of missing keys:
{_SAMPLES}
    injtime=(now)
"""
Printer = Callable[[Any, Explanation], None]
"""Prints an explained decision about an attempt."""


@click.command("decide", help=_HELP, short_help="Decide about attempts.")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--explain", is_flag=True, help="Show each plugin's vote, and the time it took.")
@click.option("--json", "as_json", is_flag=True, help="Explain as JSON, on a terminal too.")
@click.option("--table", is_flag=True, help="Explain as tables, where there is no terminal too.")
@click.option(
    "--now",
    metavar="TIME",
    help="The time that plugins see, such as 2026-12-24T22:00 (needs hookframe[testing]).",
)
@click.option(
    "--address",
    metavar="ADDRESS",
    help="Ask the daemon there, unix:/PATH or tcp:IP:PORT, instead of loading a policy.",
)
@policy_options
def command(
    policy: PolicyOptions,
    pairs: tuple[str, ...],
    explain: bool,
    as_json: bool,
    table: bool,
    now: str | None,
    address: str | None,
) -> int:
    """Run the command; its help is `_HELP`."""
    if not pairs and (sys.stdin is None or is_terminal(sys.stdin)):
        raise click.UsageError(
            "nothing to decide: pass an attempt (hookframe decide recipient=bob@example.com), "
            "or a stream of them (hookframe decide < attempts.jsonl)"
        )
    given = build_attempt(pairs) if pairs else None
    if address is not None:
        if policy != PolicyOptions() or now is not None:
            raise click.UsageError(
                "--address asks the policy and the clock of a daemon: use it without --config, "
                "--hook-file, --plugin and --now."
            )
        return ask_daemon(address, given, explain=explain)
    source = policy.find_source()
    if table and (as_json or not explain):
        raise click.UsageError("--table is for --explain, and not with --json.")
    drawn = explain and (table or (not as_json and is_terminal(sys.stdout)))
    try:
        return _decide(policy, source, given, now, explain=explain, drawn=drawn)
    except PolicyDied as error:
        print_error(str(error))
        return 1


def _decide(
    policy: PolicyOptions,
    source: Source,
    given: Any,
    now: str | None,
    *,
    explain: bool,
    drawn: bool,
) -> int:
    """Decide in a child process; return the exit status."""
    with ExitStack() as stack:
        phase = stack.enter_context(run_in_child(find_load_time(source)))
        interrupt = stack.enter_context(Interrupt())
        log = CommandLog(lambda: interrupt.received)
        bar = given is None and is_terminal(sys.stderr) and not is_terminal(sys.stdout)
        output = stack.enter_context(take_output())
        set_in_plugins = _set_clock(now, stack)
        host = stack.enter_context(Host(source, watch=False, log=log, interrupt=True, phase=phase))
        set_in_plugins(host)
        interrupt.check()
        _print_chain_state(host, policy)
        printer = _choose_printer(output, drawn=drawn) if explain else None
        decider = _Decider(host, log, interrupt, output, printer)
        if given is not None:
            decider.answer(given)
        else:
            decider.stream(stack.enter_context(take_input()), bar=bar)
        return 1 if host.problem or decider.failed else 0


def _set_clock(now: str | None, stack: ExitStack) -> Callable[[Host], None]:
    """Set the time that plugins see; what is returned sets it in their modules."""
    if now is None:
        return lambda _: None
    from hookframe.cli.commands.decide.now import set_clock  # noqa: PLC0415  (slow to import)

    return set_clock(now, stack)


def _print_chain_state(host: Host, policy: PolicyOptions) -> None:
    """Print that the chain can't be built, or is empty."""
    if host.problem:
        print_error(
            "the chain can't be built, so every attempt is a temporary failure; "
            f"for every problem run: hookframe check{policy.format_arguments()}"
        )
    elif host.config is not None and host.config.path and not host.config.entries():
        generation = host.generation
        if generation is not None and not generation.plugins:
            print_note(
                f"{host.config.path}: the chain is empty, so every attempt is normal; "
                'write, for example, chain = ["file"] and hook_file = "hook.py"'
            )


class _Decider:
    """Decides, prints, and records whether anything failed.

    Args:
        host: the host.
        log: the log, which gets the number of each line.
        interrupt: whether Ctrl-C came while a hook ran.
        output: where decisions are written.
        printer: prints a decision with its trace; None to print the decision alone.
    """

    def __init__(
        self,
        host: Host,
        log: CommandLog,
        interrupt: Interrupt,
        output: BinaryIO,
        printer: Printer | None,
    ) -> None:
        self.failed = False
        self._host = host
        self._log = log
        self._interrupt = interrupt
        self._output = output
        self._printer = printer

    def answer(self, attempt: Any) -> None:
        """Decide about one attempt."""
        if self._printer is None:
            decision = self._host.decide(attempt)
            self._interrupt.check()
            self._output.write(encode_line(decision))
            self._count(decision)
        else:
            explanation = self._host.explain(attempt)
            self._interrupt.check()
            self._printer(attempt, explanation)
            self._count(explanation.decision)

    def stream(self, source: BinaryIO, *, bar: bool) -> None:
        """Decide about each line of a stream.

        Args:
            source: JSON lines.
            bar: whether to show the progress.
        """
        total = find_remaining_size(source)
        with _make_bar(total, self._log) if bar else nullcontext() as progress:
            for number, line, read in read_lines(source):
                self._log.line_number = number
                self._decide_line(line)
                if total is None:
                    self._output.flush()
                if progress is not None:
                    progress.advance(read)

    def _decide_line(self, line: bytes) -> None:
        try:
            attempt = parse_attempt(line)
        except InvalidAttempt as error:
            self._reject(str(error))
        else:
            self.answer(attempt)

    def _reject(self, problem: str) -> None:
        decision = self._host.refuse(problem)
        if self._printer is None:
            self._output.write(encode_line(decision))
        else:
            self._printer(None, Explanation(decision, ()))
        self._count(decision)

    def _count(self, decision: Decision) -> None:
        self.failed = self.failed or "error" in decision


def _choose_printer(output: BinaryIO, *, drawn: bool) -> Printer:
    """Choose how explanations are printed: as tables, or as JSON lines."""
    if drawn:
        from hookframe.cli.render import open_terminal, render  # noqa: PLC0415  (rich)

        return partial(render, open_terminal(output))
    return partial(_print_json, output)


def _print_json(output: BinaryIO, _: Any, explanation: Explanation) -> None:
    output.write(encode_line(explanation_document(explanation)))


def _make_bar(total: int | None, log: CommandLog) -> Bar:
    from hookframe.cli.commands.decide.progress import Bar  # noqa: PLC0415  (rich)

    return Bar(total, log)
