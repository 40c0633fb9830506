"""A Perl file, the first-party plugins and the hook file, stacked, asked by Exim."""

from __future__ import annotations

import pytest

from ..helpers.attempts import MESSAGE
from .needed import need_plugins

PERL = r"""
# Bounces what a list of its own names, moves a campaign, and tells what it does.
use warnings;

my %refused = map { $_ => 1 } 'perl@remote.test';

return sub {
    my ( $attempt, $state ) = @_;
    my $recipient = lc $attempt->{recipient};
    die "no such rule\n"       if $recipient =~ /^dies@/;
    exit                       if $recipient =~ /^exits@/;
    return { action => 'dump', message => 'Refused by Perl (#5.7.1)' } if $refused{$recipient};
    return { action => 'pause', message => 'Held by Perl' } if $recipient =~ /^held@/;
    if ( $attempt->{sendid} eq 'spring' ) {
        print STDERR "spring number ", ++$state->{spring}, "\n";
        return { action => 'new_mtaid', new_mtaid => 'vmta2' };
    }
    return { action => 'normal' };
};
"""
HOOK = """\
def pre_delivery_attempt(attempt, decision):
    if attempt["sendid"] in ("spring", "verp"):
        return {"action": "new_config", "new_sender": "verp@verp.test"}
"""
RULES = """\
[[rule]]
match.recipient_domain = "moved.test"
deliver_as_if_to_domain = "other.test"

[[rule]]
match.sendid = "trans170101"
new_mtaid = "vmta3"
"""
CONFIGURATION = """\
chain = ["perl", "blacklist", "routing", "file"]
deadline = "2s"

[plugins.perl.settings]
file = "{directory}/hook.pl"
deadline = "2s"

[plugins.blacklist.settings]
recipients = "{directory}/blocked.txt"

[plugins.routing.settings]
file = "{directory}/routing.toml"
"""


@pytest.fixture(scope="module", autouse=True)
def daemon(make_daemon):
    need_plugins("perl", "blacklist", "routing")
    daemon = make_daemon()
    (daemon.directory / "hook.pl").write_text(PERL)
    (daemon.directory / "blocked.txt").write_text("blocked@remote.test\n@blocked.test\n")
    (daemon.directory / "routing.toml").write_text(RULES)
    daemon.start_with(HOOK, CONFIGURATION.format(directory=daemon.directory))
    return daemon


def wire(sink, recipient):
    return [(seen["peer"], seen["mail"], seen["host"]) for seen in sink.seen(recipient)]


def test_what_none_of_the_four_minds_is_delivered_unchanged(exim, sink):
    exim.send("fine@remote.test")
    assert wire(sink, "fine@remote.test") == [("127.0.0.2", "<s@sender.test>", "127.0.0.11")]


def test_perl_moves_a_message_to_another_virtualmta_and_the_file_adds_a_sender(exim, sink, daemon):
    exim.send("spring@remote.test", headers=["X-SendID: spring"])
    assert wire(sink, "spring@remote.test") == [("127.0.0.3", "<verp@verp.test>", "127.0.0.11")]
    assert "plugin perl: spring number " in daemon.output


def test_perl_routing_and_the_file_add_up_to_one_delivery(exim, sink):
    exim.send("sum@moved.test", headers=["X-SendID: spring"])
    assert wire(sink, "sum@moved.test") == [("127.0.0.3", "<verp@verp.test>", "127.0.0.12")]


def test_routing_decides_where_perl_has_nothing_to_say(exim, sink):
    exim.send("trans@remote.test", headers=["X-SendID: trans170101"])
    assert wire(sink, "trans@remote.test") == [("127.0.0.4", "<s@sender.test>", "127.0.0.11")]


def test_what_perl_refuses_bounces_with_perls_words(exim, sink):
    msguid = exim.send("perl@remote.test", headers=["X-SendID: verp"])
    exim.deliver_bounce_of(msguid)
    assert b"Refused by Perl (#5.7.1)" in exim.bounces()["perl@remote.test"]
    assert wire(sink, "perl@remote.test") == []


def test_what_the_blacklist_refuses_bounces_whatever_perl_wants(exim, sink):
    msguid = exim.send("blocked@remote.test", "held@blocked.test", headers=["X-SendID: spring"])
    exim.deliver_bounce_of(msguid)
    bounces = exim.bounces()
    for recipient in ("blocked@remote.test", "held@blocked.test"):
        assert b"This address is on an internal blacklist. (#5.7.1)" in bounces[recipient]
        assert wire(sink, recipient) == []


def test_what_perl_holds_stays_in_the_queue(exim, sink):
    msguid = exim.send("held@remote.test")
    assert "Held by Perl" in exim.deferrals(msguid)["held@remote.test"]
    assert wire(sink, "held@remote.test") == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dies", "Exception running pre_delivery_attempt_hook: no such rule ("),
        ("exits", "the Perl process ended itself with exit status 0, by exit or exec"),
    ],
)
def test_an_error_in_perl_defers_and_the_log_says_why(name, words, exim, sink, daemon):
    msguid = exim.send(f"{name}@remote.test")
    assert MESSAGE in exim.deferrals(msguid)[f"{name}@remote.test"]
    assert wire(sink, f"{name}@remote.test") == []
    [line] = [line for line in daemon.output.splitlines() if f"[{name}@remote" in line]
    assert words in line
    assert f"{daemon.directory / 'hook.pl'}) (plugin perl" in line
    exim.send(f"after.{name}@remote.test")
    assert len(wire(sink, f"after.{name}@remote.test")) == 1


def test_a_saved_perl_file_is_live_for_exim(exim, sink, daemon):
    file = daemon.directory / "hook.pl"
    file.write_text(PERL.replace("'perl@remote.test'", "'other@remote.test'"))
    daemon.wait_for_generation(2)
    exim.send("perl@remote.test")
    msguid = exim.send("other@remote.test")
    exim.deliver_bounce_of(msguid)
    assert len(wire(sink, "perl@remote.test")) == 1
    assert b"Refused by Perl (#5.7.1)" in exim.bounces()["other@remote.test"]
