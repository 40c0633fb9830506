"""hookframe-perl: an unmodified Perl delivery attempt hook as one plugin among others."""

from __future__ import annotations

from hookframe_perl.plugin import Perl
from hookframe_perl.settings import SettingsError

__all__ = ["Perl", "SettingsError"]
