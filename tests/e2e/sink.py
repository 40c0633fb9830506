"""An SMTP server that takes all mail and writes down what it saw; run as a program, never imported.

sink.py RECORDS ADDRESS...   listens on port 2500 of every address. Each transaction is one JSON
line in RECORDS, written before the reply, and one line "." on standard output. A recipient whose
local part starts with "reject" gets a 550.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from email.parser import BytesHeaderParser
from pathlib import Path

PORT = 2500
LARGEST = 1 << 24
connections = itertools.count(1)


class Session:
    def __init__(self, reader, writer, records):
        self.reader, self.writer, self.records = reader, writer, records
        self.connection = next(connections)
        self.helo = ""
        self.mail = ""
        self.rcpt = []

    async def reply(self, text):
        self.writer.write(f"{text}\r\n".encode())
        await self.writer.drain()

    async def run(self):
        await self.reply("220 sink ESMTP")
        while line := (await self.reader.readline()).rstrip(b"\r\n").decode("utf-8", "replace"):
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self.helo = rest
                    await self.reply("250-sink\r\n250 8BITMIME")
                case "MAIL":
                    self.mail, self.rcpt = line, []
                    await self.reply("250 ok")
                case "RCPT":
                    rejected = rest.lower().startswith("to:<reject")
                    if not rejected:
                        self.rcpt.append(line)
                    await self.reply("550 no such user here" if rejected else "250 ok")
                case "DATA":
                    await self.reply("354 go on")
                    self.record(await self.reader.readuntil(b"\r\n.\r\n"))
                    await self.reply("250 taken")
                case "QUIT":
                    await self.reply("221 bye")
                    return
                case _:
                    await self.reply("250 ok")

    def record(self, message):
        headers = BytesHeaderParser().parsebytes(message)
        seen = {
            "connection": self.connection,
            "peer": self.writer.get_extra_info("peername")[0],
            "host": self.writer.get_extra_info("sockname")[0],
            "helo": self.helo,
            "mail": self.mail.removeprefix("MAIL FROM:").split(" ")[0],
            "rcpt": [line.removeprefix("RCPT TO:") for line in self.rcpt],
            "headers": {name.lower(): str(value) for name, value in headers.items()},
        }
        with self.records.open("a") as out:
            out.write(json.dumps(seen) + "\n")
        print(".", flush=True)


async def main(records, *addresses):
    async def serve(reader, writer):
        try:
            await Session(reader, writer, Path(records)).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    servers = [
        await asyncio.start_server(serve, address, PORT, limit=LARGEST) for address in addresses
    ]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main(*sys.argv[1:]))
