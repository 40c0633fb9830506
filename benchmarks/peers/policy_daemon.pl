#!/usr/bin/perl
# A peer of the daemon comparisons: the daemon that a user of Perl would write by IO::Select and
# JSON::XS (JSON::PP where that is not installed), with GreenArrow's three examples as its policy.
#
#     policy_daemon.pl SOCKET BLACKLIST
use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOMAXCONN);

my $json = eval { require JSON::XS; JSON::XS->new } || do { require JSON::PP; JSON::PP->new };
$json->utf8->canonical;

my ($path, $blacklist) = @ARGV;
my $temporary_failure = {
    action => 'pause', error => \1, message => 'Error in pre_delivery_attempt_hook (see logfile)'
};
my %keys = (
    normal     => {deliver_as_if_to_domain => 1},
    pause      => {message => 1},
    dump       => {message => 1},
    new_mtaid  => {new_mtaid => 1, deliver_as_if_to_domain => 1},
    new_config => {new_mtaid => 1, new_sender => 1},
);
my %strictness = (normal => 0, new_mtaid => 1, new_config => 1, pause => 2, dump => 3);

my @policy = (
    sub {
        my ($input, $state) = @_;
        if (!exists $state->{last_read_time} || abs($state->{last_read_time} - time()) > 3) {
            open(my $list, '<', $blacklist) or die "error opening file: $!";
            $state->{recipient_blacklist} = {map { s/^\s+//; s/\s+$//; (lc($_), 1) } <$list>};
            close($list);
            $state->{last_read_time} = time();
        }
        if (exists $state->{recipient_blacklist}{lc($input->{recipient})}) {
            return {
                action => 'dump', message => 'This address is on an internal blacklist. (#5.7.1)'
            };
        }
        return {action => 'normal'};
    },
    sub {
        my ($input, $state) = @_;
        if ($input->{sendid} eq 'trans170101') {
            print STDERR "pre_delivery_attempt_hook: matched!\n";
            return {action => 'new_mtaid', new_mtaid => 'smtp1-3'};
        }
        return {action => 'normal'};
    },
    sub {
        return {action => 'normal'};
    },
);
my $state = {};

sub invalid {
    my ($returned) = @_;
    my $allowed = ref $returned eq 'HASH' && $keys{$returned->{action} // ''} or return 1;
    for my $key (keys %$returned) {
        return 1 if $key ne 'action' && !$allowed->{$key};
    }
    return 0;
}

sub decide {
    my ($attempt) = @_;
    my $decision = {action => 'normal'};
    for my $hook (@policy) {
        my $returned = eval { $hook->($attempt, $state) };
        if ($@ || invalid($returned)) {
            print STDERR "error in pre_delivery_attempt_hook: $@\n";
            return $temporary_failure;
        }
        $decision = $returned
            if $strictness{$returned->{action}} > $strictness{$decision->{action}};
    }
    return $decision;
}

unlink $path;
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => SOMAXCONN) or die "$path: $!";
$listener->blocking(0);
my $readers = IO::Select->new($listener);
my $writers = IO::Select->new;
my (%input, %output);

sub hang_up {
    my ($client) = @_;
    $readers->remove($client);
    $writers->remove($client);
    delete $input{fileno $client};
    delete $output{fileno $client};
    close $client;
}

sub write_to {
    my ($client) = @_;
    my $number = fileno $client;
    my $written = syswrite($client, $output{$number});
    if (!defined $written) {
        return if $!{EAGAIN};
        return hang_up($client);
    }
    substr($output{$number}, 0, $written, '');
    if ($output{$number} eq '') { $writers->remove($client) } else { $writers->add($client) }
}

sub read_from {
    my ($client) = @_;
    my $number = fileno $client;
    my $got = sysread($client, $input{$number}, 65536, length $input{$number});
    if (!$got) {
        return if !defined $got && $!{EAGAIN};
        return hang_up($client);
    }
    my $end = rindex($input{$number}, "\n");
    return if $end < 0;
    my $answers = '';
    for my $line (split /\n/, substr($input{$number}, 0, $end + 1, '')) {
        my $attempt = eval { $json->decode($line) };
        $answers .= $json->encode($attempt ? decide($attempt) : $temporary_failure) . "\n";
    }
    $output{$number} .= $answers;
    write_to($client);
}

$SIG{PIPE} = 'IGNORE';
while (1) {
    my ($readable, $writable) = IO::Select->select($readers, $writers, undef);
    for my $ready (@$readable) {
        if ($ready == $listener) {
            while (my $client = $listener->accept) {
                $client->blocking(0);
                $readers->add($client);
                $input{fileno $client} = $output{fileno $client} = '';
            }
        } else {
            read_from($ready);
        }
    }
    for my $ready (@$writable) {
        write_to($ready) if $ready->opened;
    }
}
