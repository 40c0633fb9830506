# Refuses the recipients of a list, one address a line.

use warnings;

my $list    = '/etc/hookframe/recipient_blacklist.txt';
my $seconds = 3;

return sub {
    my ( $attempt, $state ) = @_;
    my $now = time;

    if ( !defined $state->{read_at} || $now - $state->{read_at} >= $seconds ) {
        my %listed;
        open my $lines, '<', $list or die "can't read $list: $!\n";
        while ( my $line = <$lines> ) {
            my ($address) = $line =~ /^\s*(.*?)\s*$/;
            $listed{ lc $address } = 1 if length $address;
        }
        close $lines;
        @$state{qw(listed read_at)} = ( \%listed, $now );
    }

    return { action => 'normal' } if !$state->{listed}{ lc $attempt->{recipient} };
    return { action => 'dump', message => 'This address is on an internal blacklist. (#5.7.1)' };
};
