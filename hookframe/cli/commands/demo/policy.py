"""The policy of the demonstration: a hook file, and the first-party plugins that are installed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hookframe.cli.samples import make_sample_attempt
from hookframe.plugins.finder import Installed

CONFIG: Final = "hookframe.toml"
HOOK_FILE: Final = "hook.py"
_BLOCKED: Final = "blocked.txt"
_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "blacklist": "[plugins.blacklist.settings]\nrecipients = {blocked}\n",
        "routing": (
            "[[plugins.routing.settings.rule]]\n"
            'match.sendid = "shop"\n'
            'match.recipient_domain = "bigmail.example"\n'
            'new_mtaid = "shop-pool"\n'
        ),
    }
)
"""The settings of each plugin that is used if its distribution is installed."""


def find_demo_plugins() -> tuple[str, ...]:
    """Return the names of the installed first-party plugins that are used."""
    installed = Installed.scan()
    return tuple(
        name
        for name in _SETTINGS
        if [claim.distribution for claim in installed.claims(name)] == [name_distribution(name)]
    )


def list_missing(used: tuple[str, ...]) -> tuple[str, ...]:
    """Return the distributions that would be used if they were installed."""
    return tuple(name_distribution(name) for name in _SETTINGS if name not in used)


def name_distribution(name: str) -> str:
    """Return the distribution of a first-party plugin."""
    return f"hookframe-{name}"


def write_policy(folder: Path, used: tuple[str, ...]) -> None:
    """Write the configuration, the hook file, and the plugins' data."""
    blocked = folder / _BLOCKED
    blocked.write_text("nobody@example.com\n", "utf-8")
    names = ", ".join(f'"{name}"' for name in (*used, "file"))
    tables = [_SETTINGS[name].format(blocked=json.dumps(str(blocked))) for name in used]
    text = "\n".join([f'chain = [{names}]\nhook_file = "{HOOK_FILE}"\n', *tables])
    (folder / CONFIG).write_text(text, "utf-8")
    save(folder, read_hook_file())


def read_hook_file(*, edited: bool = False) -> str:
    """Read the hook file, as before or after the edit."""
    name = "edited.py.txt" if edited else "hook.py.txt"
    return (_find_data() / name).read_text("utf-8")


def read_demo_attempts() -> list[dict[str, Any]]:
    """Read the attempts of the demonstration."""
    given = json.loads((_find_data() / "attempts.json").read_text("utf-8"))
    return [
        {**make_sample_attempt(), "msguid": f"demo-{number}", **attempt}
        for number, attempt in enumerate(given, start=1)
    ]


def save(folder: Path, text: str) -> None:
    """Save the hook file as an editor does: write a new file, then rename it over the old one."""
    new = folder / f"{HOOK_FILE}.new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123  (a descriptor)
        os.fchmod(handle, 0o644)
        file.write(text)
    new.replace(folder / HOOK_FILE)


def _find_data() -> Traversable:
    return files("hookframe.cli") / "templates" / "demo"
