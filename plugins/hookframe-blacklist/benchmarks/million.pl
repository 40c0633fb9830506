# Reads a blacklist as GreenArrow's example does, twice; million.py starts it:
#
#     perl million.pl LIST NEXT
#
# NEXT is renamed over LIST between the two. Printed are the seconds of the second reading and the
# KiB of memory that the process has gained since before the first, now and at the most.

use strict;
use warnings;
use Time::HiRes ();

my ($list, $next) = @ARGV;

sub kibibytes {
    my ($key) = @_;
    open my $status, '<', '/proc/self/status' or die "status: $!";
    my ($line) = grep { /^$key:/ } <$status>;
    return $line =~ /(\d+)/ ? $1 : die $key;
}

my $hook = sub {
    my ($attempt, $state) = @_;
    if (!exists $state->{read_at}) {
        open my $lines, '<', $list or die "$list: $!";
        $state->{listed} = { map { (lc $_, 1) } map { s/^\s+//; s/\s+$//; $_ } <$lines> };
        $state->{read_at} = time;
    }
    return exists $state->{listed}{lc $attempt->{recipient}} ? 'dump' : 'normal';
};

my %state;
my $before = kibibytes('VmRSS');
$hook->({ recipient => 'new@example.org' }, \%state) eq 'normal' or die;
rename $next, $list or die "rename: $!";
delete $state{read_at};
my $began = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
$hook->({ recipient => 'new@example.org' }, \%state) eq 'dump' or die;
my $seconds = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) - $began;
printf "%f %d %d\n", $seconds, kibibytes('VmRSS') - $before, kibibytes('VmHWM') - $before;
