# Times calls of GreenArrow's hook and bare round trips in turn; comparisons/greenarrow.py starts it:
#
#     perl greenarrow.pl FILE DAEMON ECHO CALLS
#
# FILE is contrib/mta/greenarrow's, whose $ADDRESS is set to each socket in turn. DAEMON is the path
# of the daemon's socket. At ECHO this program listens itself, in a child that answers each line with
# a decision. For each line of its input it makes a round, and prints the seconds of each way, as JSON.

use strict;
use warnings;
use IO::Handle ();
use JSON::PP ();
use Socket ();
use Time::HiRes ();

my ($file, $daemon, $echo, $calls) = @ARGV;
my $DECISION = qq({"action":"normal"}\n);
my %ATTEMPT = (
    mtaid => 'smtp1', sendid => 'news-2026-11', listid => 'weekly',
    msguid => '1483391740.41125123', injtime => 1483391740,
    sender => 'bounce@sender.example', recipient => 'somebody@recipient.example',
    is_first_attempt => 1, mtaid_exists => 1,
);
my $REQUEST = JSON::PP->new->encode(\%ATTEMPT) . "\n";

sub listening {
    socket my $listening, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or die "socket: $!";
    bind $listening, Socket::pack_sockaddr_un($echo) or die "bind: $!";
    listen $listening, 10 or die "listen: $!";
    return $listening;
}

# Two connections at most are open at a time: the kept one, and another.
sub answer {
    my ($listening) = @_;
    my %open;
    while (1) {
        my $bits = '';
        vec($bits, fileno $_, 1) = 1 for $listening, values %open;
        select $bits, undef, undef, undef;
        if (vec $bits, fileno $listening, 1) {
            accept my $client, $listening or die "accept: $!";
            $open{fileno $client} = $client;
        }
        for my $client (grep { vec $bits, fileno $_, 1 } values %open) {
            if (sysread $client, my $request, 65536) { syswrite $client, $DECISION }
            else { delete $open{fileno $client} }
        }
    }
}

sub hook_at {
    my ($path) = @_;
    open my $in, '<', $file or die "$file: $!";
    local $/;
    (my $text = <$in>) =~ s/^(my \$ADDRESS = ').*(';)$/$1unix:$path$2/m or die 'no $ADDRESS';
    my $hook = eval $text or die $@;
    return $hook;
}

sub bare {
    my ($socket) = @_;
    return sub {
        syswrite $socket, $REQUEST;
        sysread $socket, my $answer, 65536;
        $answer eq $DECISION or die "answered $answer";
    };
}

sub kept {
    my ($hook) = @_;
    my $state = {};
    return sub { $hook->(\%ATTEMPT, $state)->{action} eq 'normal' or die };
}

sub connecting {
    my ($hook) = @_;
    return sub { $hook->(\%ATTEMPT, {})->{action} eq 'normal' or die };
}

sub seconds {
    my ($way) = @_;
    my $began = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
    $way->() for 1 .. $calls;
    return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) - $began;
}

$| = 1;
my $listening = listening();
my $child = fork // die "fork: $!";
answer($listening) if !$child;
END { kill 'KILL', $child if $child }
close $listening;

socket my $socket, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or die "socket: $!";
connect $socket, Socket::pack_sockaddr_un($echo) or die "connect: $!";
my ($to_echo, $to_daemon) = map { hook_at($_) } $echo, $daemon;
my %ways = (
    'a bare round trip'           => bare($socket),
    'the same process, kept'      => kept($to_echo),
    'the same process, connecting' => connecting($to_echo),
    'hookframe, kept'             => kept($to_daemon),
    'hookframe, connecting'       => connecting($to_daemon),
);
my $round = 0;
while (<STDIN>) {
    $round++;
    my @names = sort keys %ways;
    push @names, splice @names, 0, $round % @names; # each has each place in the order
    print JSON::PP->new->encode({ map { $_ => seconds($ways{$_}) } @names }), "\n";
}
