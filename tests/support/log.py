"""What reaches the log, line by line."""

from __future__ import annotations

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
