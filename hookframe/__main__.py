"""The command `hookframe`, and `python -m hookframe`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line.

    Returns:
        The exit status: 0 fine, 1 the thing asked about is not fine, 2 used wrongly; 130 after
        Ctrl-C, and 141 when whoever read the output has gone, as a shell reports the two signals.
    """
    if sys.argv[1:] == ["--version"]:
        from hookframe import __version__  # noqa: PLC0415  (nothing else may be imported here)

        print(f"hookframe {__version__}")  # noqa: T201  (without click, which takes long to import)
        return 0
    try:
        from hookframe.cli.main import run  # noqa: PLC0415  (click, only where it is needed)

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while the command is still being imported
        return 130


if __name__ == "__main__":
    sys.exit(main())
