"""hookframe-blacklist: stop mail to recipients, from senders, or for domains that a file lists."""

from __future__ import annotations

from hookframe_blacklist.errors import BlacklistError
from hookframe_blacklist.plugin import Blacklist

__all__ = ["Blacklist", "BlacklistError"]
