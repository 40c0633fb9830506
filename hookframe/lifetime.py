"""How long a hook and each of its arguments live, counted in versions of the hook API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Deprecated:
    """That something goes away, and when.

    Args:
        since: the version of the hook API that says so first.
        until: the version that no longer has it.
        instead: what a plugin should do instead, as in "it should …".
    """

    since: int
    until: int
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """From which version of the hook API something is there, and how that ends.

    Args:
        since: the version that it came with.
        deprecated: how it goes away; None as long as it stays.
    """

    since: int = 1
    deprecated: Deprecated | None = None

    def is_there(self, version: int) -> bool:
        """Say whether a version of the hook API has it."""
        return self.since <= version and (
            self.deprecated is None or version < self.deprecated.until
        )

    def refusal(self, version: int, declared: int) -> str:
        """Say why a plugin can't use it, in the rest of a sentence; nothing where it can.

        Args:
            version: the version that hookframe has.
            declared: the version that the plugin says it was written for.
        """
        if self.deprecated is not None and version >= self.deprecated.until:
            return (
                f", which went away with version {self.deprecated.until} of the hook API: it "
                f"should {self.deprecated.instead}; mend or upgrade it"
            )
        if declared < self.since:
            return (
                f", which came with version {self.since} of the hook API, but the plugin declares "
                f"version {declared}: declare hookframe_api_version = {self.since}, or do without"
            )
        return ""

    def notice(self, version: int) -> str:
        """Say what the author of a plugin that uses it should know; nothing where all is well.

        Args:
            version: the version that hookframe has.
        """
        deprecated = self.deprecated
        if deprecated is None or version < deprecated.since:
            return ""
        return (
            f", which is deprecated since version {deprecated.since} of the hook API and goes away "
            f"with version {deprecated.until}: it should {deprecated.instead}; mend or upgrade it "
            "by then"
        )


@dataclass(frozen=True, slots=True)
class Argument(Lifetime):
    """An argument of a hook."""

    name: str


@dataclass(frozen=True, slots=True)
class Hook(Lifetime):
    """A hook that a plugin may implement.

    Args:
        arguments: every argument that it has or has had, in the order in which they came.
    """

    arguments: tuple[Argument, ...]

    @classmethod
    def taking(
        cls, *arguments: str | Argument, since: int = 1, deprecated: Deprecated | None = None
    ) -> Self:
        """Make a hook of its arguments; one that is nothing but a name is there for good."""
        made = (Argument(each) if isinstance(each, str) else each for each in arguments)
        return cls(tuple(made), since=since, deprecated=deprecated)

    def given(self, version: int) -> tuple[str, ...]:
        """Name the arguments with which a version of the hook API calls the hook."""
        return tuple(each.name for each in self.arguments if each.is_there(version))
