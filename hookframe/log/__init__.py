"""Log lines, where they go, and what plugins print."""

from hookframe.log.log import Log as Log
