"""The command `hookframe`, and `python -m hookframe`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line.

    Returns:
        The exit status: 0 success, 1 a problem was found, 2 wrong usage; 130 after Ctrl-C and 141
        after the reader of the output closed it, as shells report SIGINT and SIGPIPE.
    """
    if sys.argv[1:] == ["--version"]:
        from hookframe import __version__  # noqa: PLC0415  (nothing else may be imported here)

        print(f"hookframe {__version__}")  # noqa: T201  (without click, which is slow to import)
        return 0
    try:
        from hookframe.cli.main import run  # noqa: PLC0415  (click, only where it is needed)

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while the command is still being imported
        return 130


if __name__ == "__main__":
    sys.exit(main())
