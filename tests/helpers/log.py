"""What reaches the log, line by line."""

from __future__ import annotations

import re

LOADING = "error loading pre_delivery_attempt_hook: "
IN_ATTEMPT = "error in pre_delivery_attempt_hook: "


class Lines:
    """Log lines, in the order in which they came."""

    def __init__(self):
        self.all = []
        self.levels = []

    def take(self, message):
        """Take one message of loguru's."""
        self.all.append(str(message).removesuffix("\n"))
        self.levels.append(message.record["level"].name)

    def starting(self, beginning):
        """Give the lines that start so."""
        return [line for line in self.all if line.startswith(beginning)]

    @property
    def errors(self):
        """The lines of errors, in a load or in an attempt."""
        return [
            line
            for line, level in zip(self.all, self.levels, strict=False)
            if level in ("ERROR", "CRITICAL")
        ]

    @property
    def loading(self):
        """The lines that say why the chain can't be built."""
        return self.starting(LOADING)

    @property
    def attempts(self):
        """The lines of errors in one attempt."""
        return self.starting(IN_ATTEMPT)

    @property
    def printed(self):
        """The lines that plugins have printed."""
        return self.starting("plugin ")

    def clear(self):
        """Forget all lines."""
        self.all.clear()
        self.levels.clear()


STAMPED = re.compile(r"@[0-9a-f]{24} (.*)")
"""A line of a log directory; its group is what follows the stamp."""
PUT_AWAY = re.compile(r"@[0-9a-f]{24}\.s")
"""The name of a log file that was put away."""


def put_away(directory):
    """Give the files of a log directory that were put away, the oldest first."""
    return sorted(path for path in directory.iterdir() if PUT_AWAY.fullmatch(path.name))


def logged_in(directory):
    """Give all lines of a log directory without their stamps, the oldest first."""
    lines = []
    for path in [*put_away(directory), directory / "current"]:
        text = path.read_text("utf-8") if path.exists() else ""
        assert not text or text.endswith("\n"), f"{path} ends within a line"
        lines += text.splitlines()
    matches = [STAMPED.fullmatch(line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return [match[1] for match in matches]
