# A peer of the Exim comparison: GreenArrow's two examples for Exim's embedded Perl.
use strict;
use warnings;

my $state = {};

sub decide {
    my ($attempt) = @_;
    if (!exists $state->{last_read_time} || abs($state->{last_read_time} - time()) > 3) {
        open(my $list, '<', 'BLACKLIST') or die "error opening file: $!";
        $state->{recipient_blacklist} = {map { s/^\s+//; s/\s+$//; (lc($_), 1) } <$list>};
        close($list);
        $state->{last_read_time} = time();
    }
    if (exists $state->{recipient_blacklist}{lc($attempt->{recipient})}) {
        return {action => 'dump', message => 'This address is on an internal blacklist. (#5.7.1)'};
    }
    if ($attempt->{sendid} eq 'trans170101') {
        return {action => 'new_mtaid', new_mtaid => 'smtp1-3'};
    }
    return {action => 'normal'};
}

# Exim gives at most eight arguments.
my @keys = qw(mtaid sendid listid msguid injtime sender recipient is_first_attempt);

sub pre_delivery_attempt {
    my %attempt = (mtaid_exists => 1);
    @attempt{@keys} = @_;
    my $decision = eval { decide(\%attempt) } // {action => 'pause', message => 'Error'};
    return ":fail: $decision->{message}" if $decision->{action} eq 'dump';
    return ":defer: $decision->{message}" if $decision->{action} eq 'pause';
    return '';
}

1;
