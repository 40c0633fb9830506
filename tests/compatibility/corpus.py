"""The corpus: a policy of plugins that were written for version 1 of the hook API."""

from __future__ import annotations

import shutil

from ..helpers.distributions import PROJECTS

CORPUS = PROJECTS / "written-for-1"


def write_policy(directory):
    """Write the policy whose chain is the corpus."""
    (directory / "held").write_text("held@remote.example\n")
    (directory / "routes").write_text("route news-b b\nroute news-u undefined\n")
    for name in ("held", "routes"):
        (directory / name).chmod(0o644)
    shutil.copy(CORPUS / "hook.py", directory / "hook.py")
    (directory / "hook.py").chmod(0o644)
    (directory / "hookframe.toml").write_text(
        'chain = ["around", "everything", "module", "script", "undeclared", "file"]\n'
        'hook_file = "hook.py"\n'
        f'[plugins.everything]\ndeadline = "5s"\nsettings.list = "{directory}/held"\n'
        f'[plugins.script.settings]\nfile = "{directory}/routes"\n'
        "[plugins.file.settings]\nlimit = 1000\n"
    )
    return directory
