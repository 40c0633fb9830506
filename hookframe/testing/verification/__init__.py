"""The conformance check: whether a plugin keeps the rules; docs/plugins/verify.md says which."""

from __future__ import annotations
