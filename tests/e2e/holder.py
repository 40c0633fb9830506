"""Hold a network and mount namespace open for the tests; run by `unshare`, never imported.

Only loopback is up in it, so no test can reach anything outside. What a private Exim needs below
/etc is a bind mount in here: nothing of the machine is changed, so nothing is left to restore,
however the test run ends.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x41


def main(etc_exim: str, resolv_conf: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", IFF_UP_RUNNING, b"")
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
    subprocess.run(["mount", "--bind", etc_exim, "/etc/exim4"], check=True)
    subprocess.run(["mount", "--bind", resolv_conf, "/etc/resolv.conf"], check=True)
    print("ready", flush=True)
    # The end of standard input is the end of the tests, a killed test run included.
    sys.stdin.read()


main(*sys.argv[1:])
