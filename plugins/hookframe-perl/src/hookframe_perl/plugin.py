"""The plugin: has a Perl process decide about each attempt."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe import CodeFileError, InvalidDecision, hookimpl
from hookframe_perl import frames
from hookframe_perl.process import PerlProcess, ProcessLost, TookTooLong
from hookframe_perl.settings import Settings, named_file, read_settings

if TYPE_CHECKING:
    from hookframe import Attempt, CodeFiles, Decision

_COMPILE_TIME: Final = 10.0
"""Seconds that Perl may take to start and to compile the file."""
_COMPILING: Final = "error compiling: "
_NEXT: Final = "the next attempt gets a new one, with an empty state"


class Perl:
    """Runs one Perl hook file; each load of the policy makes a new one."""

    hookframe_api_version = 1

    def __init__(self) -> None:
        self._hook: _Hook | None = None

    @hookimpl
    def code_files(self, settings: dict[str, Any], directory: str = "") -> Sequence[str]:
        """Name the Perl file.

        Args:
            settings: the table `[plugins.perl.settings]`, not checked yet.
            directory: the directory to which a relative path is relative.
        """
        file = named_file(settings, directory)
        return () if file is None else (file,)

    @hookimpl
    def configure(self, settings: dict[str, Any], files: CodeFiles, directory: str = "") -> None:
        """Take the settings, start Perl, and have it compile the file.

        Args:
            settings: the table `[plugins.perl.settings]`; see `Settings`.
            files: the Perl file as it was read.
            directory: the directory to which a relative path is relative.

        Raises:
            SettingsError: a setting is wrong.
            CodeFileError: the file does not compile, or gives no sub; or Perl can't be run.
        """
        checked = read_settings(settings, directory)
        self._hook = _Hook(checked, files[checked.file].content)

    @hookimpl
    def pre_delivery_attempt(self, attempt: Attempt) -> Decision:
        """Call the sub with the attempt and its state.

        Args:
            attempt: the attempt.

        Returns:
            What the sub has returned, as it is: the host checks it.

        Raises:
            CodeFileError: the sub died, took too long, or ended its process.
            InvalidDecision: it returned no reference to a hash of strings.
        """
        if self._hook is None:
            raise RuntimeError("the Perl plugin has no settings yet: call configure first")
        return cast("Decision", self._hook.decide(attempt))

    @hookimpl
    def remarks(self) -> Sequence[str]:
        """Say what a reader of Python should know about the file."""
        return [] if self._hook is None else list(self._hook.remarks())

    @hookimpl
    def close(self) -> None:
        """End the Perl process."""
        if self._hook is not None:
            self._hook.end()


class _Hook:
    """The file of one generation, and the Perl process that runs it.

    Args:
        settings: checked settings.
        source: the bytes of the file. A process that has to be replaced compiles these again,
            whatever the file holds by then: a change of it is a new generation.

    Raises:
        CodeFileError: the file does not compile, or gives no sub; or Perl can't be run.
    """

    def __init__(self, settings: Settings, source: bytes) -> None:
        self._settings = settings
        if source.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            text = f"{_COMPILING}{settings.file} is written in UTF-16; save it as UTF-8"
            raise CodeFileError(text, settings.file)
        self._source = source.removeprefix(BOM_UTF8)
        self._process: PerlProcess | None = None
        self._version = ""
        self._running()

    def decide(self, attempt: Attempt) -> dict[str, str]:
        """Call the sub; it returns and raises what the plugin's hook does."""
        answer = self._ask(frames.call(attempt), self._settings.deadline)
        if answer[0] == b"decided":
            return frames.decision_of(answer)
        raise self._error(answer[0], answer[1:])

    def remarks(self) -> Iterator[str]:
        """Look into the process, which has answered a few attempts."""
        file = self._settings.file
        warned = self._ask(frames.frame((b"warnings", self._source)), _COMPILE_TIME)[1:]
        number, *names = self._ask(frames.frame((b"look",)), _COMPILE_TIME)[1:]
        keys, modules = names[: int(number)], names[int(number) :]
        yield f"{file} runs on Perl {self._version} ({self._settings.perl}), in its own process"
        if keys:
            yield (
                f"its state holds {_listed(keys)}; it is a hash of Perl's own, not the state that "
                "the Python plugins share, and both are new whenever the chain is built anew"
            )
        if modules:
            yield f"it loads {_listed(modules)}; a change of these takes effect at the next reload"
        yield from (f"with `use warnings` Perl says: {frames.text_of(text)}" for text in warned)

    def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _running(self) -> PerlProcess:
        """Give the process; start one, with a state of its own, where there is none any more."""
        if self._process is None:
            try:
                self._process = PerlProcess(self._settings.perl)
            except OSError as error:
                text = f"can't start {self._settings.perl}: {error.strerror}"
                raise CodeFileError(text, self._settings.file) from error
            path = self._settings.file.encode("utf-8", "surrogateescape")
            request = frames.frame((b"compile", self._source, path))
            kind, *fields = self._ask(request, _COMPILE_TIME, compiling=True)
            if kind != b"compiled":
                self.end()
                raise self._error(kind, fields, _COMPILING)
            self._version = frames.text_of(fields[0])
        return self._process

    def _ask(self, request: bytes, seconds: float, *, compiling: bool = False) -> tuple[bytes, ...]:
        process = self._process or self._running()
        try:
            return process.ask(request, seconds)
        except BaseException as error:
            self._process = None
            if isinstance(error, TookTooLong):
                text = f"took longer than {seconds:g} s, so the Perl process was ended"
                raise self._lost("it" if compiling else "a call", text, compiling) from None
            if isinstance(error, ProcessLost):
                raise self._lost("the Perl process", str(error), compiling) from None
            raise

    def _lost(self, what: str, text: str, compiling: bool) -> CodeFileError:
        """Make the error of a process that is no more."""
        if compiling:
            text = f"{_COMPILING}{what} {text} (run by {self._settings.perl})"
        else:
            text = f"{what} {text}; {_NEXT}"
        return CodeFileError(text, self._settings.file)

    def _error(self, kind: bytes, fields: Sequence[bytes], what: str = "") -> Exception:
        """Make the error of an answer that is no decision."""
        text = frames.text_of(fields[0])
        if kind == b"invalid" and not what:
            return InvalidDecision(f"{text} ({self._settings.file})")
        return CodeFileError(f"{what}{text}", self._settings.file)


def _listed(names: Sequence[bytes]) -> str:
    return ", ".join(map(frames.text_of, names))
