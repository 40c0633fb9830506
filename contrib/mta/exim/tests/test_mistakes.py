"""Every mistake of SITE.toml is refused, and all of them at once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD = """\
primary_hostname = "mail.example.com"
default_virtualmta = "main"
[virtualmta.main]
interface = "192.0.2.10"
helo = "mail.example.com"
"""


def with_line(table, line):
    return f"{GOOD}[{table}]\n{line}\n"


def test_all_mistakes_are_told_at_once_each_with_its_setting(problems):
    told = problems("""\
primary_hostname = "mail example"
default_virtualmta = "nobody"
spool = "/x"
[virtualmta.main]
interface = "10.0.0.300"
helo = 5
[virtualmta."a:b"]
helo = "b.test"
[hook]
socket = "run/exim.sock"
timeout = "soon"
[smtp]
port = 0
""")
    settings_told = [problem.split(": ")[0] for problem in told]
    assert settings_told == [
        "spool", "primary_hostname", "virtualmta.main.interface", "virtualmta.main.helo",
        "virtualmta.'a:b'", "virtualmta.'a:b'.interface", "default_virtualmta",
        "smtp.port", "hook.socket", "hook.timeout",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "line", "told"),
    [
        ("hook", 'socket = "/run/${run{x}}"', "'/run/${run{x}}' is not an absolute path"),
        ("hook", 'socket = "/run/a\\nb"', "hook.socket: '/run/a\\nb' is not"),
        ("hook", 'socket = "/run/../etc/x"', "a path without .."),
        ("hook", f'socket = "/{"x" * 107}"', "at most 107 characters"),
        ("hook", 'socket = "inet:192.0.2.1:25"', "is not a loopback address with its port"),
        ("hook", 'socket = "inet:127.0.0.1"', "is not a loopback address with its port"),
        ("hook", 'socket = "inet:127.0.0.1:25}{x"', "is not a loopback address with its port"),
        ("hook", 'timeout = "0s"', "whole seconds"),
        ("hook", 'timeout = "90s"', "at most 60s"),
        ("hook", 'sockets = "/x"', "hook.sockets: unknown setting; known are socket, timeout"),
        ("headers", 'sendid = "X-Send:ID"', "headers.sendid"),
        ("headers", 'remove = ["X-A", "X B"]', "'X B' is not a header's name"),
        ("routes", '"a.test" = "b.test/MX"', "is not a host"),
        ("routes", '"a.test" = "b.test:99999"', "from 1 to 65535"),
        ("routes", '"a.test" = "300.1.1.1"', "is not an IP address"),
        ("routes", '"a.test" = "[::zz]"', "is not a host"),
        ("routes", '"a.test" = []', "a host or a list of hosts"),
        ("routes", '"a.test" = 5', "routes.'a.test': 5 is not a host"),
        ("routes", '"a test" = "b.test"', 'a domain, or "*"'),
        ("routes", '"*.test" = "b.test"', 'a domain, or "*"'),
        ("routes", '"A.test" = "b.test"\n"a.test" = "b.test"', "given twice"),
        ("smtp", "retry = []", "without one a deferral is a bounce"),
        ("smtp", 'retry = ["F,2h"]', "a retry rule"),
        ("smtp", 'deliver_to_this_host = "yes"', "true or false"),
        ("smtp", "port = true", "a port number"),
        ("local", 'domains = ["+local"]', "a host name"),
        ("exim", 'user = "root; x"', "a user's name"),
        ("exim", 'relay_from = "0.0.0.0/99"', "an IP address or network"),
        ("exim", 'listen = ["::1"]', "IPv6 is switched off"),
        ("virtualmta.main2", 'interface = ["192.0.2.1", "192.0.2.2"]\nhelo = "x.test"', "one IPv4"),
        ("virtualmta.main2", 'interface = ["2001:db8::1"]\nhelo = "x.test"', "one IPv4"),
        ("virtualmta.main2", 'interface = ["fe80::1%eth0"]\nhelo = "x.test"', "not an IP address"),
        ("virtualmta.MAIN", 'interface = "192.0.2.1"\nhelo = "x.test"', "without regard to case"),
        (
            "virtualmta.main2",
            'interface = ["192.0.2.1", "2001:db8::1"]\nhelo = "x.test"',
            "virtualmta.main.interface: has no IPv6 address",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line_with_what_is_expected(problems, table, line, told):
    (problem,) = problems(with_line(table, line))
    assert told in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    "text",
    ["x = [", "", "virtualmta = 5", "[virtualmta]", GOOD.replace('"main"', '"x"'), "routes = []"],
)
def test_a_file_without_the_essentials_is_refused(problems, text):
    assert problems(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [
        'primary_hostname = {0}',
        'virtualmta.{0} = {{ interface = "192.0.2.1", helo = "x.test" }}',
        'virtualmta.main.helo = {0}',
        'virtualmta.main.interface = {0}',
        'default_virtualmta = {0}',
        'routes.{0} = "relay.test"',
        'routes."a.test" = {0}',
        'hook.socket = {0}',
        'hook.timeout = {0}',
        'headers.sendid = {0}',
        'headers.remove = [{0}]',
        'smtp.retry = [{0}]',
        'local.domains = [{0}]',
        'local.mailbox = {0}',
        'local.aliases = {0}',
        'exim.user = {0}',
        'exim.listen = [{0}]',
        'exim.relay_from = [{0}]',
        'map_directory = {0}',
    ],
)  # fmt: skip
@settings(max_examples=40, deadline=None)
@given(
    value=st.text(
        st.sampled_from("aZ1.-_/:;*@ \t\n\r\\\"'${}#<>,+=[]é\0") | st.characters(codec="utf-8"),
        max_size=12,
    )
)
def test_no_value_puts_anything_of_its_own_into_what_exim_reads(generate, template, value):
    quoted = '"' + "".join(f"\\U{ord(character):08X}" for character in value) + '"'
    key = template.split(" = ")[0]
    default = {
        "primary_hostname": 'primary_hostname = "m.test"',
        "virtualmta.main.helo": 'virtualmta.main.interface = "192.0.2.2"',
        "virtualmta.main.interface": 'virtualmta.main.helo = "m.test"',
    }
    lines = [template.format(quoted)]
    if key != "primary_hostname":
        lines.append(default["primary_hostname"])
    if key in default and key.startswith("virtualmta.main"):
        lines.append(default[key])
    else:
        lines.append('virtualmta.main = { interface = "192.0.2.2", helo = "m.test" }')
    if key != "default_virtualmta":
        lines.append('default_virtualmta = "main"')
    try:
        site = generate.read_site("\n".join(lines))
    except generate.SiteError:
        return
    assert re.fullmatch(r"[A-Za-z0-9._/:,+*\[\]-]*", value), value
    written = [generate.configuration(site), generate.fragment(site), *generate.maps(site).values()]
    assert all(re.search(r"@[a-z0-9_]+@", text) is None for text in written)
