#!/usr/bin/perl
# A peer of the daemon comparisons: the least that answers attempts, by IO::Select and JSON::XS
# (JSON::PP where that is not installed). It parses each request, checks nothing, and answers that
# the attempt is normal.
#
#     minimal_daemon.pl SOCKET
use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOMAXCONN);

my $json = eval { require JSON::XS; JSON::XS->new } || do { require JSON::PP; JSON::PP->new };
$json->utf8;

sub decide {
    my ($attempt) = @_;
    return {action => 'normal'};
}

my ($path) = @ARGV;
unlink $path;
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => SOMAXCONN) or die "$path: $!";
$listener->blocking(0);
my $readers = IO::Select->new($listener);
my %input;

$SIG{PIPE} = 'IGNORE';
while (1) {
    for my $ready ($readers->can_read) {
        if ($ready == $listener) {
            while (my $client = $listener->accept) {
                $readers->add($client);
                $input{fileno $client} = '';
            }
            next;
        }
        my $number = fileno $ready;
        if (!sysread $ready, $input{$number}, 65536, length $input{$number}) {
            $readers->remove($ready);
            close $ready;
            next;
        }
        my $end = rindex $input{$number}, "\n";
        next if $end < 0;
        my $answers = '';
        for my $line (split /\n/, substr $input{$number}, 0, $end + 1, '') {
            $answers .= $json->encode(decide($json->decode($line))) . "\n";
        }
        syswrite $ready, $answers;
    }
}
