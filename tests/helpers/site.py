"""A directory with a configuration and a hook file, as an administrator keeps them."""

from __future__ import annotations

import json
import textwrap

from hookframe import Host

QUOTED = {ord("\x7f"): "\\u007f"}


def toml_value(value):
    """Write a value as TOML: strings, numbers, booleans, lists and inline tables."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).translate(QUOTED)


POLICY = ("use", "mode", "on_error", "may", "deadline", "shadow_of")


def policy(chain=None, *, plugins=None, **top):
    """Write a `hookframe.toml`.

    Args:
        chain: the chain; a plugin of it may stand as `name=settings` in `plugins`.
        plugins: for each plugin its settings, with its policy beside them.
        top: further keys of the top level.
    """
    lines = [] if chain is None else [f"chain = {toml_value(chain)}"]
    lines += [f"{key} = {toml_value(value)}" for key, value in top.items()]
    for name, keys in (plugins or {}).items():
        lines.append(f"[plugins.{json.dumps(name)}]")
        lines += [f"{key} = {toml_value(keys[key])}" for key in POLICY if key in keys]
        settings = {key: value for key, value in keys.items() if key not in POLICY}
        if settings:
            lines.append(f"[plugins.{json.dumps(name)}.settings]")
            lines += [f"{key} = {toml_value(value)}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def hook(body, head=""):
    """Write a hook file whose hook has this body and takes all three arguments."""
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    head = textwrap.dedent(head).strip()
    return f"{head}\n\ndef pre_delivery_attempt(attempt, decision, state):\n{body}\n".lstrip()


class Site:
    """A directory with `hookframe.toml` and `hook.py`, and the hosts that run them.

    Args:
        directory: an empty directory.
    """

    def __init__(self, directory):
        self.directory = directory
        self.config = directory / "hookframe.toml"
        self.file = directory / "hook.py"
        self._hosts = []

    def configure(self, toml, code=None):
        """Write the configuration, and the hook file where there is one."""
        self.config.write_text(toml, encoding="utf-8")
        if code is not None:
            self.save(code)

    def save(self, code):
        """Write the hook file in place."""
        self.file.write_text(code, encoding="utf-8")
        self.file.chmod(0o644)

    def host(self, toml, code=None, *, watch=False):
        """Write the files and start a host, which ends with the test."""
        self.configure(toml, code)
        return self.start(watch=watch)

    def start(self, *, watch=False):
        """Start a host on the files as they are."""
        host = Host.from_config(self.config, watch=watch)
        self._hosts.append(host)
        return host

    def file_host(self, code, *, watch=False, **top):
        """Start a host whose chain is the hook file."""
        return self.host(policy(hook_file="hook.py", **top), code, watch=watch)

    def close(self):
        """Close every host."""
        for host in self._hosts:
            host.close()
