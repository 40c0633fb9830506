#!/usr/bin/env python3
"""Write an Exim configuration in which hookframe decides about every remote delivery attempt.

    generate.py SITE.toml DIRECTORY              a complete configuration and its map files
    generate.py --fragment SITE.toml             only what hookframe needs, to paste into your own
    generate.py --fragment SITE.toml DIRECTORY   the same, and the map files into DIRECTORY

SITE.toml is described in README.md; example.toml has every setting. Python 3.11 or newer, and
nothing else. Every value is checked before anything is written: none of them can put a word of its
own into the configuration or into a map file.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MARK: Final = "# Written by hookframe's generate.py"
CONFIGURATION: Final = "exim4.conf"
VIRTUALMTAS: Final = "virtualmtas"
ROUTES: Final = "routes"

# What may stand in an Exim string, list, or lsearch file without meaning anything to Exim.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_ROUTE_HOST: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<bare6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*)"
    rf"|(?P<host>{_LABEL}(?:\.{_LABEL})*))(?:(?<!:):(?P<port>[0-9]{{1,5}}))?"
)
_PATH: Final = re.compile(r"/[A-Za-z0-9._/+-]+")
_LOOPBACK: Final = re.compile(r"inet:127(?:\.[0-9]{1,3}){3}:[0-9]{1,5}")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_SPOOL: Final = "/var/spool/exim4"
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_SECONDS: Final = re.compile(r"([1-9][0-9]{0,2})s")
_TIME: Final = r"(?:[0-9]{1,4}[wdhms])+"
_RETRY: Final = re.compile(
    rf"(?:F,{_TIME},{_TIME}|[GH],{_TIME},{_TIME},[0-9]{{1,2}}(?:\.[0-9]{{1,3}})?)"
)
# sun_path holds 107 bytes; Exim cuts a longer path without a word.
_LONGEST_SOCKET_PATH: Final = 107
# Longer would hold up the queue for a daemon that hangs.
_LONGEST_TIMEOUT: Final = 60
_IPV4: Final = {4}
_BOTH: Final = {4, 6}


@dataclass(frozen=True, slots=True)
class VirtualMTA:
    """One way out: the addresses to send from, and the name to greet with."""

    name: str
    interfaces: tuple[str, ...]
    helo: str


@dataclass(frozen=True, slots=True)
class Site:
    """All that a configuration is written from, checked."""

    virtualmtas: tuple[VirtualMTA, ...]
    default_virtualmta: str
    primary_hostname: str
    routes: tuple[tuple[str, str], ...]
    map_directory: str
    values: Mapping[str, str]

    @property
    def uses_ipv6(self) -> bool:
        """Whether the VirtualMTAs have an IPv6 address (then all of them have)."""
        return any(":" in address for vmta in self.virtualmtas for address in vmta.interfaces)

    @property
    def uses_dns(self) -> bool:
        """Whether some domain has no smart route."""
        return all(domain != "*" for domain, _ in self.routes)


class SiteError(Exception):
    """SITE.toml has mistakes; `problems` lists every one of them."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(slots=True)
class _Reader:
    """Takes values out of the parsed TOML and notes each mistake instead of stopping at it."""

    problems: list[str] = field(default_factory=list)

    def refuse(self, where: str, value: object, expected: str) -> None:
        self.problems.append(f"{where}: {_shown(value)} is not {expected}")

    def text(
        self, where: str, value: object, rule: re.Pattern[str], expected: str, fallback: str = "x"
    ) -> str:
        if isinstance(value, str) and rule.fullmatch(value):
            return value
        self.refuse(where, value, expected)
        return fallback

    def host(self, where: str, value: object) -> str:
        return self.text(where, value, _HOST, 'a host name, such as "mail.example.com"')

    def path(self, where: str, value: object) -> str:
        expected = "an absolute path of letters, digits and ._/+-"
        given = self.text(where, value, _PATH, expected, "/x")
        if ".." in given.split("/"):
            self.refuse(where, value, "a path without ..")
        return given

    def flag(self, where: str, value: object) -> str:
        """Read true, or false, which is also the default: "yes" or nothing."""
        if not isinstance(value, bool | None):
            self.refuse(where, value, "true or false")
        return "yes" if value else ""

    def port(self, where: str, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 16:
            self.refuse(where, value, "a port number from 1 to 65535")
            return "25"
        return str(value)

    def address(self, where: str, value: object) -> str:
        try:
            if not isinstance(value, str) or "%" in value:
                raise ValueError
            return str(ipaddress.ip_address(value))
        except ValueError:
            self.refuse(where, value, 'an IP address, such as "192.0.2.10"')
            return ""

    def network(self, where: str, value: object) -> str:
        try:
            if not isinstance(value, str) or "%" in value:
                raise ValueError
            return str(ipaddress.ip_network(value, strict=False))
        except ValueError:
            self.refuse(where, value, 'an IP address or network, such as "192.0.2.0/24"')
            return ""

    def items(
        self, where: str, value: object, one: Callable[[str, object], str]
    ) -> tuple[str, ...]:
        """Read a list, or one value that stands for a list of one."""
        given = value if isinstance(value, list) else [value]
        return tuple(one(where, item) for item in given)

    def table(self, where: str, value: object, known: Iterable[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.refuse(where, value, f"a table; write [{where}]")
            return {}
        allowed = tuple(known)
        for key in value:
            if allowed and key not in allowed:
                self.problems.append(
                    f"{_under(where, key)}: unknown setting; known are {', '.join(allowed)}"
                )
        return value


_TOP: Final = (
    "primary_hostname", "default_virtualmta", "map_directory",
    "virtualmta", "hook", "headers", "routes", "smtp", "local", "exim",
)  # fmt: skip


def read_site(text: str, directory: Path | None = None) -> Site:
    """Read and check SITE.toml.

    Args:
        text: the file's contents.
        directory: where the map files go; used where the file names no `map_directory`.

    Returns:
        The checked site.

    Raises:
        SiteError: with every mistake, each one line that names the setting.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteError([f"not valid TOML: {error}"]) from None
    read = _Reader()
    top = read.table("", given, _TOP)
    hostname = read.host("primary_hostname", top.get("primary_hostname"))
    vmtas = _read_virtualmtas(read, top.get("virtualmta", {}))
    default = _read_default(read, top.get("default_virtualmta"), vmtas)
    map_directory = read.path(
        "map_directory", top.get("map_directory", str(directory or "/etc/exim4/hookframe"))
    )
    smtp = _read_smtp(read, top.get("smtp", {}))
    routes = _read_routes(read, top.get("routes", {}), smtp["port"])
    values = (
        smtp
        | _read_hook(read, top.get("hook", {}))
        | _read_headers(read, top.get("headers", {}))
        | _read_local(read, top.get("local", {}))
        | _read_exim(read, top.get("exim", {}))
    )
    if not any(_families(vmta) == _BOTH for vmta in vmtas) and ":" in values["listen"]:
        read.problems.append(
            "exim.listen: has an IPv6 address, but no VirtualMTA has one: IPv6 is switched off then"
        )
    if read.problems:
        raise SiteError(read.problems)
    return Site(vmtas, default, hostname, routes, map_directory, values)


def _read_virtualmtas(read: _Reader, given: object) -> tuple[VirtualMTA, ...]:
    tables = read.table("virtualmta", given)
    if not tables:
        read.problems.append("virtualmta: none given; write a [virtualmta.NAME] for each")
    vmtas = tuple(_read_virtualmta(read, name, table) for name, table in tables.items())
    first: dict[str, str] = {}
    for vmta in vmtas:
        other = first.setdefault(vmta.name.lower(), vmta.name)
        if other != vmta.name:
            read.problems.append(
                f"virtualmta.{vmta.name}: Exim can't tell it from virtualmta.{other}: names in a "
                "map file are looked up without regard to case"
            )
    if any(_families(vmta) == _BOTH for vmta in vmtas):
        for vmta in vmtas:
            if _families(vmta) == _IPV4:
                read.problems.append(
                    f"virtualmta.{vmta.name}.interface: has no IPv6 address, but another "
                    "VirtualMTA has one: give every VirtualMTA one, or none (mail to an IPv6 host "
                    "would leave from an address that you did not choose)"
                )
    return vmtas


def _read_virtualmta(read: _Reader, name: str, given: object) -> VirtualMTA:
    where = f"virtualmta.{name}" if _NAME.fullmatch(name) else f"virtualmta.{_shown(name)}"
    read.text(where, name, _NAME, "a name that Exim can look up: letters, digits and ._-")
    table = read.table(where, given, ("interface", "helo"))
    addresses = read.items(f"{where}.interface", table.get("interface"), read.address)
    vmta = VirtualMTA(
        name,
        tuple(address for address in addresses if address),
        read.host(f"{where}.helo", table.get("helo")),
    )
    families = [ipaddress.ip_address(address).version for address in vmta.interfaces]
    if "" not in addresses and sorted(families) not in ([4], [4, 6]):
        read.refuse(
            f"{where}.interface", table.get("interface"),
            "one IPv4 address, or a list of one IPv4 and one IPv6 address",
        )  # fmt: skip
    return vmta


def _families(vmta: VirtualMTA) -> set[int]:
    return {ipaddress.ip_address(address).version for address in vmta.interfaces}


def _read_default(read: _Reader, given: object, vmtas: tuple[VirtualMTA, ...]) -> str:
    names = [vmta.name for vmta in vmtas]
    if given is None and len(names) == 1:
        return names[0]
    if not isinstance(given, str) or given not in names:
        read.refuse("default_virtualmta", given, f"one of your VirtualMTAs: {', '.join(names)}")
        return "x"
    return given


def _read_routes(read: _Reader, given: object, port: str) -> tuple[tuple[str, str], ...]:
    routes: dict[str, str] = {}
    for domain, hosts in read.table("routes", given).items():
        where = f"routes.{_shown(domain)}"
        if domain != "*":
            read.text(where, domain, _HOST, 'a domain, or "*" for every other domain')
        if domain.lower() in routes:
            read.problems.append(f"{where}: given twice; Exim takes no notice of case here")
        listed = read.items(where, hosts, lambda at, host: _route_host(read, at, host, port))
        if not listed:
            read.refuse(where, hosts, "a host or a list of hosts")
        routes[domain.lower()] = ";".join(listed)
    return tuple(routes.items())


def _route_host(read: _Reader, where: str, given: object, port: str) -> str:
    """Check HOST, HOST:PORT, IPV6 or [IPV6]:PORT, and write it as an item of an Exim host list."""
    match = _ROUTE_HOST.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        read.refuse(where, given, 'a host, such as "relay.example.net" or "[2001:db8::1]:2525"')
        return ""
    host = match["v6"] or match["bare6"] or match["host"]
    own_port = read.port(where, int(match["port"])) if match["port"] else ""
    if ":" in host:
        return f"[{read.address(where, host)}]:{own_port or port}"
    if host.replace(".", "").isdigit():
        read.address(where, host)
    return f"{host}:{own_port}" if own_port else host


def _read_hook(read: _Reader, given: object) -> dict[str, str]:
    table = read.table("hook", given, ("socket", "timeout"))
    socket = _read_socket(read, table.get("socket", "/run/hookframe/exim.sock"))
    timeout = read.text(
        "hook.timeout", table.get("timeout", "3s"), _SECONDS, 'whole seconds, such as "3s"', "3s"
    )
    if int(timeout[:-1]) > _LONGEST_TIMEOUT:
        read.refuse("hook.timeout", timeout, f"at most {_LONGEST_TIMEOUT}s")
    return {"socket": socket, "timeout": timeout}


def _read_socket(read: _Reader, value: object) -> str:
    if isinstance(value, str) and value.startswith("inet:"):
        expected = 'a loopback address with its port, such as "inet:127.0.0.1:8026"'
        return read.text("hook.socket", value, _LOOPBACK, expected, "inet:127.0.0.1:1")
    path = read.path("hook.socket", value)
    if len(path) > _LONGEST_SOCKET_PATH:
        read.refuse("hook.socket", path, f"at most {_LONGEST_SOCKET_PATH} characters long")
    return path


_HEADERS: Final = {"virtualmta": "X-VirtualMTA", "sendid": "X-SendID", "listid": "List-ID"}


def _read_headers(read: _Reader, given: object) -> dict[str, str]:
    table = read.table("headers", given, (*_HEADERS, "remove"))

    def header(where: str, value: object) -> str:
        return read.text(where, value, _HEADER, 'a header\'s name, such as "X-SendID"', "X")

    names = {key: header(f"headers.{key}", table.get(key, _HEADERS[key])) for key in _HEADERS}
    private = [names["virtualmta"], names["sendid"]]
    removed = read.items("headers.remove", table.get("remove", private), header)
    return {f"{key}_header": name for key, name in names.items()} | {"remove": " : ".join(removed)}


def _read_smtp(read: _Reader, given: object) -> dict[str, str]:
    table = read.table("smtp", given, ("port", "retry", "deliver_to_this_host"))
    rules = read.items(
        "smtp.retry",
        table.get("retry", ["F,2h,15m", "G,16h,1h,1.5", "F,4d,6h"]),
        lambda at, one: read.text(at, one, _RETRY, 'a retry rule, such as "F,2h,15m"'),
    )
    if not rules:
        # Without a rule Exim bounces at the first deferral, a temp-fail of the daemon included.
        read.refuse("smtp.retry", [], "a list of retry rules: without one a deferral is a bounce")
    return {
        "port": read.port("smtp.port", table.get("port", 25)),
        "retry": "; ".join(rules),
        "this_host": read.flag("smtp.deliver_to_this_host", table.get("deliver_to_this_host")),
    }


def _read_local(read: _Reader, given: object) -> dict[str, str]:
    table = read.table("local", given, ("domains", "mailbox", "aliases"))
    domains = read.items("local.domains", table.get("domains", []), read.host)
    mailbox = read.path("local.mailbox", table.get("mailbox", "/var/mail/exim-local"))
    aliases = read.path("local.aliases", table["aliases"]) if "aliases" in table else ""
    return {"local_domains": " : ".join(domains), "mailbox": mailbox, "aliases": aliases}


def _read_exim(read: _Reader, given: object) -> dict[str, str]:
    known = (
        "spool_directory", "log_directory", "pid_file", "user", "path",
        "listen", "listen_port", "relay_from", "queue_only",
    )  # fmt: skip
    defaults: dict[str, Any] = {"listen": ["127.0.0.1"], "relay_from": ["127.0.0.1"]}
    table = defaults | dict(read.table("exim", given, known))
    return {
        "spool": read.path("exim.spool_directory", table.get("spool_directory", _SPOOL)),
        "log": read.path("exim.log_directory", table.get("log_directory", "/var/log/exim4")),
        "pid": read.path("exim.pid_file", table.get("pid_file", "/run/exim4/exim.pid")),
        "user": read.text("exim.user", table.get("user", "Debian-exim"), _USER, "a user's name"),
        "exim_path": read.path("exim.path", table["path"]) if "path" in table else "",
        "listen": " ; ".join(read.items("exim.listen", table["listen"], read.address)),
        "listen_port": read.port("exim.listen_port", table.get("listen_port", 25)),
        "relay_from": " ; ".join(read.items("exim.relay_from", table["relay_from"], read.network)),
        "queue_only": read.flag("exim.queue_only", table.get("queue_only")),
    }


def _under(where: str, key: str) -> str:
    shown = key if _NAME.fullmatch(key) else _shown(key)
    return f"{where}.{shown}" if where else shown


def _shown(value: object) -> str:
    """Show a value from the file on one line, short, and with nothing in it left raw."""
    text = "nothing" if value is None else ascii(value)
    limit = 80
    return text if len(text) <= limit else f"{text[:limit]}..."


_HEAD: Final = f"""\
{MARK} from your SITE.toml: change that file and run it again.
#
# An Exim that asks hookframe about every remote delivery attempt.
# Try it before you use it:  exim4 -bV -C THIS_FILE
"""

_MAIN: Final = """
######################################################################
#                               Main                                 #
######################################################################

primary_hostname = @primary_hostname@
@exim_path@
spool_directory = @spool@
log_file_path = @log@/%slog
pid_file_path = @pid@

local_interfaces = <; @listen@
daemon_smtp_ports = @listen_port@
domainlist local_domains = @local_domains@
hostlist relay_from_hosts = <; @relay_from@
acl_smtp_rcpt = acl_check_rcpt

# No certificate is set up here, so no STARTTLS is offered to those who hand mail in.
# Deliveries use TLS whenever the other side offers it.
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =

# What a hook's message says in UTF-8 is readable in the log, not \\303\\244.
print_topbitchars
headers_charset = UTF-8
# Which VirtualMTA has sent: Exim logs outgoing_interface only together with incoming_interface.
log_selector = +return_path_on_delivery +sender_on_delivery \\
  +incoming_interface +outgoing_interface
@queue_only@
"""

_FRAGMENT_HEAD: Final = f"""\
{MARK} --fragment.
#
# What Exim needs to ask hookframe about every remote delivery attempt.
# Four parts, each to be pasted where its heading says. README.md explains them.
"""

_MACROS: Final = r"""
# --- hookframe 1: at the top of the configuration, before the first "begin" ---

# What you may want to change.
HOOKFRAME_SOCKET = @socket@
HOOKFRAME_TIMEOUT = @timeout@
# One line for each VirtualMTA:  name: interface="addresses" helo="name"
HOOKFRAME_MAP = @map@/virtualmtas
# The VirtualMTA of a message that names none, or one that is not in the map.
HOOKFRAME_DEFAULT = @default@
@routes_macro@
# The status of every delivery attempt for which there was no valid decision.
HOOKFRAME_ERROR = Error in pre_delivery_attempt_hook (see logfile)

# The attempt. The values travel as base64, so that nothing in a message's header or envelope can
# be taken for a line of the request. Headers are cut at 4000 bytes: Exim writes the request
# without a time limit, so it must fit into the socket's buffer even if it is not read.
HOOKFRAME_MTAID = ${if eq{$h_@virtualmta_header@:}{}{HOOKFRAME_DEFAULT}{$h_@virtualmta_header@:}}
# $local_part comes without its quotes; they are put back where the address needs them, and only
# there: quote_local_part alone would also quote every local part that is not ASCII.
HOOKFRAME_RECIPIENT = \
  ${if match{$local_part}{\N^(?!\.)[^\x00-\x20"(),:;<>@\[\\\]\x7f]++(?<!\.)\z\N}\
    {$local_part}{${quote_local_part:$local_part}}}@$domain
HOOKFRAME_REQUEST = \
  mtaid=${base64:${length_4000:HOOKFRAME_MTAID}}\n\
  sendid=${base64:${length_4000:$h_@sendid_header@:}}\n\
  listid=${base64:${length_4000:$h_@listid_header@:}}\n\
  msguid=${base64:$message_exim_id}\n\
  injtime=${base64:$received_time}\n\
  sender=${base64:$sender_address}\n\
  recipient=${base64:HOOKFRAME_RECIPIENT}\n\
  is_first_attempt=${base64:${if first_delivery{1}{0}}}\n\
  mtaid_exists=${base64:${lookup{HOOKFRAME_MTAID}lsearch{HOOKFRAME_MAP}{1}{0}}}\n\
  \n

# The answer, one line of  key="value"  with end="1" last.
# It is accepted whole or not at all: a cut line would otherwise read as a shorter valid one.
HOOKFRAME_UNDERSTOOD = and{\
  {<{${strlen:$address_data}}{8192}}\
  {match{$address_data}{\N^(?:(?:action|message|new_mtaid|new_sender|deliver_as_if_to_domain|error)\
    ="(?:[^"\\\x00-\x1f\x7f]|\\["\\n])*+" )++end="1"\n\z\N}}}
HOOKFRAME_ACTION = ${extract{action}{$address_data}}
HOOKFRAME_NEW_MTAID = ${extract{new_mtaid}{$address_data}}
HOOKFRAME_MESSAGE = ${sg{${extract{message}{$address_data}}}{\N[\x00-\x1f\x7f]\N}{ }}

# The VirtualMTA's line of the map. Its addresses come from your map, never from a message.
HOOKFRAME_VIRTUALMTA = ${lookup{${extract{new_mtaid}{$address_data}{$value}{HOOKFRAME_MTAID}}}\
  lsearch{HOOKFRAME_MAP}{$value}{${lookup{HOOKFRAME_DEFAULT}lsearch{HOOKFRAME_MAP}}}}

# Delivery takes a decision that says so, and that this Exim can carry out to the letter.
HOOKFRAME_MAY_DELIVER = and{\
  {HOOKFRAME_UNDERSTOOD}\
  {!eq{${extract{interface}{HOOKFRAME_VIRTUALMTA}}}{}}\
  {match{HOOKFRAME_ACTION}{\N^(?:normal|new_mtaid|new_config)\z\N}}\
  {or{{!eq{HOOKFRAME_ACTION}{new_mtaid}}{!eq{HOOKFRAME_NEW_MTAID}{}}}}\
  {bool{${extract{new_mtaid}{$address_data}\
    {${lookup{$value}lsearch{HOOKFRAME_MAP}{yes}{no}}}{yes}}}}\
  {bool{${extract{deliver_as_if_to_domain}{$address_data}\
    {${if match{$value}{\N^[A-Za-z0-9._\x80-\xff-]++\z\N}{yes}{no}}}{yes}}}}\
  {match{${extract{new_sender}{$address_data}}}{\N^[^\x00-\x20<>\x7f]*+\z\N}}}

# Where to deliver: the domain that the decision names, or the recipient's.
HOOKFRAME_DOMAIN = ${extract{deliver_as_if_to_domain}{$address_data}{$value}{$domain}}
@disable_ipv6@
"""

_ACL: Final = r"""
# --- hookframe 2: after "begin acl" (not for SMTP; the router calls them) ---

# The daemon could not be reached, or was silent too long. The other recipients of this message
# are then deferred in this run without another try, for two reasons: a hung daemon would cost the
# timeout for each, and Exim 4.96 remembers a socket that it could not connect to as open and
# writes the next request to whatever file has that number by then.
hookframe_unreachable:
  warn   set acl_m_hookframe_unreachable = $pid
         logwrite = hookframe: no answer from HOOKFRAME_SOCKET within HOOKFRAME_TIMEOUT
  accept

# There was an answer, but not one to act on.
hookframe_unusable:
  warn   logwrite = hookframe: can't act on the answer for <$local_part@$domain> \
           (cut, not understood, or a VirtualMTA that is not in HOOKFRAME_MAP): \
           ${escape:${length_300:$address_data}}
  accept
"""

_ASK: Final = r"""
# --- hookframe 3: after "begin routers", before the first router of remote mail ---

# Asks hookframe for each recipient, at every attempt; up to three times again if the connection
# ends without an answer, as when the daemon's worker dies. The answer stays in $address_data for
# the routers below and for the transport. It must be asked for in address_data: in Exim 4.96 an
# expansion that fails in "set =" loses the message (bug 3058); here it defers.
hookframe_ask:
  driver = redirect
  domains = ! +local_domains
  # The local part as it will be sent, not in lower case.
  caseful_local_part
  # A paused address must not hold back its whole domain.
  retry_use_local_part
  no_verify
  no_expn
  no_address_test
  address_data = ${if and{{def:acl_m_hookframe_unreachable}\
                          {eq{$acl_m_hookframe_unreachable}{$pid}}}\
    {unreachable}\
    {${reduce{1:2:3:4}{}{${if eq{$value}{}\
      {${readsocket{HOOKFRAME_SOCKET}{HOOKFRAME_REQUEST}{HOOKFRAME_TIMEOUT}{}\
        {unreachable${acl{hookframe_unreachable}}}}}\
      {$value}}}}}}
  allow_defer
  allow_fail
  # Nothing here means: go on to the next router, which delivers. All else stops the message.
  data = ${if HOOKFRAME_MAY_DELIVER {}\
    {${if and{{HOOKFRAME_UNDERSTOOD}{eq{HOOKFRAME_ACTION}{dump}}}\
      {:fail: ${if eq{HOOKFRAME_MESSAGE}{}{Dumped by the delivery policy}{HOOKFRAME_MESSAGE}}}\
    {${if and{{HOOKFRAME_UNDERSTOOD}{eq{HOOKFRAME_ACTION}{pause}}}\
      {:defer: ${if eq{HOOKFRAME_MESSAGE}{}{Paused by the delivery policy}{HOOKFRAME_MESSAGE}}}\
    {:defer: HOOKFRAME_ERROR\
      ${if eq{$address_data}{unreachable}{}{${acl{hookframe_unusable}}}}}}}}}}
"""

_ROUTES_ROUTER: Final = """
# Smart routes, by the domain of the decision.
hookframe_routes:
  driver = manualroute
  domains = ! +local_domains
  caseful_local_part
  route_data = ${lookup{HOOKFRAME_DOMAIN}lsearch*{HOOKFRAME_ROUTES}}
  host_find_failed = defer
  transport = hookframe_smtp
@self@
"""

_DNS_ROUTERS: Final = """
# deliver_as_if_to_domain without a smart route: the mail servers of that other domain.
# A domain that does not exist defers: it is the policy's mistake, not the recipient's.
hookframe_as_if:
  driver = manualroute
  domains = ! +local_domains
  caseful_local_part
  condition = ${if !eq{${extract{deliver_as_if_to_domain}{$address_data}}}{}}
  route_data = HOOKFRAME_DOMAIN/MX
  host_find_failed = defer
  transport = hookframe_smtp
@ignore@
@self@
  no_more

# Everything else by DNS. You may use a router of your own here, with this transport.
hookframe_dns:
  driver = dnslookup
  domains = ! +local_domains
  caseful_local_part
  transport = hookframe_smtp
@ignore@
@self@
  no_more
"""

_TRANSPORT: Final = """
# --- hookframe 4: after "begin transports" ---

hookframe_smtp:
  driver = smtp
  port = @port@
  # Both are needed: recipients of one message may have different decisions, and a queued message
  # must not ride on a connection that another VirtualMTA made.
  max_rcpt = 1
  connection_max_messages = 1
  # Without an address in the map nothing may leave from just any: this one is none, and defers.
  interface = ${extract{interface}{HOOKFRAME_VIRTUALMTA}{$value}{no-such-virtualmta}}
  helo_data = ${extract{helo}{HOOKFRAME_VIRTUALMTA}{$value}{$primary_hostname}}
  # An empty new_sender is the null sender. Without one the sender stays ("fail" = leave it).
  # A bounce still goes to the message's own sender.
  return_path = ${extract{new_sender}{$address_data}{$value}fail}
  headers_remove = @remove@
@allow_localhost@
"""

_RELAY_ACL: Final = """
######################################################################
#                               ACLs                                 #
######################################################################

begin acl

acl_check_rcpt:
  accept hosts = : +relay_from_hosts
  accept domains = +local_domains
  deny   message = relay not permitted
"""

_ALIASES_ROUTER: Final = """
aliases:
  driver = redirect
  domains = +local_domains
  data = ${lookup{$local_part}lsearch*@{@aliases@}}
  no_verify
  allow_fail
  allow_defer
"""

_LOCAL_ROUTER: Final = """
# Mail for this machine (bounces, for one) goes into one mailbox. Put your own routers here.
local:
  driver = accept
  domains = +local_domains
  transport = local_mailbox
"""

_LOCAL_TRANSPORT: Final = """
local_mailbox:
  driver = appendfile
  file = @mailbox@
  user = @user@
  delivery_date_add
  envelope_to_add
  return_path_add
  no_mode_fail_narrower
"""

_RETRY_SECTION: Final = """
######################################################################
#                               Retry                                #
######################################################################

begin retry

# Without a rule that fits, a deferral is a bounce: hookframe's temp-fail too.
*  *  @retry@
"""

_RETRY_HINT: Final = """
# --- hookframe 5: nothing to paste ---
# Your "begin retry" must have a rule for every address, such as this one. Without it Exim turns
# each deferral into a bounce, hookframe's temp-fail too.
#   *  *  @retry@
"""


def fragment(site: Site) -> str:
    """Write what an administrator pastes into an Exim configuration of their own.

    Args:
        site: the checked site.

    Returns:
        The macros, ACLs, routers, and the transport, each part under a heading.
    """
    return _filled(_FRAGMENT_HEAD + _hook_parts(site, "", "", "") + _RETRY_HINT, site)


def configuration(site: Site) -> str:
    """Write a complete Exim configuration.

    Args:
        site: the checked site.

    Returns:
        The configuration's text.
    """
    has_local = bool(site.values["local_domains"])
    routers = (_ALIASES_ROUTER if site.values["aliases"] else "") + _LOCAL_ROUTER
    parts = _hook_parts(
        site,
        _RELAY_ACL,
        _section("Routers") + (routers if has_local else ""),
        _section("Transports") + (_LOCAL_TRANSPORT if has_local else ""),
    )
    return _filled(_HEAD + _MAIN + parts + _RETRY_SECTION, site)


def _hook_parts(site: Site, before_acl: str, before_routers: str, before_transports: str) -> str:
    return (
        _MACROS
        + before_acl
        + _ACL
        + before_routers
        + _ASK
        + (_ROUTES_ROUTER if site.routes else "")
        + (_DNS_ROUTERS if site.uses_dns else "")
        + before_transports
        + _TRANSPORT
    )


def _section(name: str) -> str:
    line = "#" * 70
    return f"\n{line}\n#{name:^68}#\n{line}\n\nbegin {name.lower()}\n"


def _filled(template: str, site: Site) -> str:
    """Fill the template's @names@; a line that is left empty by that goes away."""
    values = dict(site.values) | _derived(site)
    kept = re.sub(
        r"^@([a-z0-9_]+)@\n",
        lambda name: values[name[1]] and f"{values[name[1]]}\n",
        template,
        flags=re.MULTILINE,
    )
    return re.sub(r"@([a-z0-9_]+)@", lambda name: values[name[1]], kept)


_NO_IPV6: Final = """\

# No VirtualMTA has an IPv6 address, so nothing may leave by IPv6.
disable_ipv6"""
_IGNORE: Final = "  ignore_target_hosts = <; 0.0.0.0 ; 127.0.0.0/8 ; ::1"


def _derived(site: Site) -> dict[str, str]:
    """The placeholders that depend on more than one value."""
    values, here = site.values, bool(site.values["this_host"])
    return {
        "primary_hostname": site.primary_hostname,
        "map": site.map_directory,
        "default": site.default_virtualmta,
        "routes_macro": f"HOOKFRAME_ROUTES = {site.map_directory}/{ROUTES}" if site.routes else "",
        "disable_ipv6": "" if site.uses_ipv6 else _NO_IPV6,
        "exim_path": f"exim_path = {values['exim_path']}" if values["exim_path"] else "",
        "queue_only": "queue_only" if values["queue_only"] else "",
        "ignore": "" if here else _IGNORE,
        "self": "  self = send" if here else "",
        "allow_localhost": "  allow_localhost" if here else "",
    }


def maps(site: Site) -> dict[str, str]:
    """Write the map files.

    Args:
        site: the checked site.

    Returns:
        The text of each file by the file's name.
    """
    lines = [f"{MARK}. One line for each VirtualMTA."]
    for vmta in site.virtualmtas:
        interfaces = " ; ".join(vmta.interfaces)
        lines.append(f'{vmta.name}: interface="<; {interfaces}" helo="{vmta.helo}"')
    files = {VIRTUALMTAS: "\n".join(lines) + "\n"}
    if site.routes:
        lines = [f"{MARK}. Smart routes; * is every other domain."]
        lines += [f"{domain}: <;{hosts}" for domain, hosts in site.routes]
        files[ROUTES] = "\n".join(lines) + "\n"
    return files


def write(files: Mapping[str, str], directory: Path) -> None:
    """Write files into a directory, each whole or not at all: Exim may be reading them.

    Args:
        files: the text of each file by the file's name.
        directory: where; made if it is not there.

    Raises:
        SiteError: a file of that name is there that this program did not write.
        OSError: the directory or a file can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    foreign = [name for name in files if _is_foreign(directory / name)]
    if foreign:
        raise SiteError(
            f"{directory / name}: is there and was not written by this program; move it away, or "
            "give another directory"
            for name in foreign
        )
    for name, text in files.items():
        new = directory / f".{name}.new"
        new.write_text(text, encoding="ascii")
        new.chmod(0o644)
        new.replace(directory / name)


def _is_foreign(path: Path) -> bool:
    if not path.exists():
        return False
    return not path.read_bytes().startswith(MARK.encode("ascii"))


def main(arguments: list[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: the command line; default: that of the process.

    Returns:
        The exit status: 0 written, 1 SITE.toml has mistakes or a file can't be written.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path, metavar="SITE.toml")
    parser.add_argument("directory", type=Path, nargs="?", metavar="DIRECTORY")
    parser.add_argument("--fragment", action="store_true", help="print only what hookframe needs")
    options = parser.parse_args(arguments)
    if options.directory is None and not options.fragment:
        parser.error("give a DIRECTORY to write into, or --fragment")
    try:
        _run(options.site, options.directory, fragment_only=options.fragment)
    except SiteError as error:
        for problem in error.problems:
            sys.stderr.write(f"{options.site}: {problem}\n")
        return 1
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


def _run(path: Path, directory: Path | None, *, fragment_only: bool) -> None:
    where = directory.resolve() if directory else None
    site = read_site(path.read_text(encoding="utf-8"), where)
    files = maps(site)
    if fragment_only:
        sys.stdout.write(fragment(site))
    else:
        files[CONFIGURATION] = configuration(site)
    if where:
        write(files, where)
        sys.stderr.write(_next_steps(site, where, files, fragment_only=fragment_only))


def _next_steps(site: Site, where: Path, files: Iterable[str], *, fragment_only: bool) -> str:
    lines = [f"wrote {where / name}" for name in sorted(files)]
    if str(where) != site.map_directory:
        lines.append(f"Exim will look for the map files in {site.map_directory}: copy them there")
    if not fragment_only:
        lines.append(f"check it with: exim4 -bV -C {where / CONFIGURATION}")
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
