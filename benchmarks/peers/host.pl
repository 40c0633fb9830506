# A Perl host of hooks, as the contract that hookframe is modelled on asks for one: each sub is
# evaluated once, called in an eval for every attempt, and what it returns is checked as a hash. The
# accumulated decision of several is hookframe's idea, done here in the plainest way.
#
#     perl host.pl RECIPIENTS FILE...
#
# RECIPIENTS holds one address a line; the attempts are to these in turn, and are made beforehand. It
# reads numbers from standard input, a line each, decides about so many attempts, and prints the
# processor time of one in nanoseconds. It does less than hookframe: no attempt is checked, copied or
# locked, no deadline watched, no value searched for control characters, nothing counted.

use strict;
use warnings;
use Time::HiRes ();

my %CARRIES = (
    normal     => { deliver_as_if_to_domain => 1 },
    pause      => { message => 1 },
    dump       => { message => 1 },
    new_mtaid  => { new_mtaid => 1, deliver_as_if_to_domain => 1 },
    new_config => { new_mtaid => 1, new_sender => 1 },
);
my %STRICTNESS = ( normal => 0, new_mtaid => 0, new_config => 0, pause => 1, dump => 2 );
my $ERROR = 'Error in pre_delivery_attempt_hook (see logfile)';

my ( $recipients, @files ) = @ARGV;
my @hooks = map { loaded($_) } @files;
my @attempts = attempts($recipients);
my $state = {};
my $next = 0;

$| = 1;
while ( my $calls = <STDIN> ) {
    my $before = Time::HiRes::clock_gettime( Time::HiRes::CLOCK_PROCESS_CPUTIME_ID() );
    for ( 1 .. $calls ) {
        decide( $attempts[$next] );
        $next = 0 if ++$next == @attempts;
    }
    my $after = Time::HiRes::clock_gettime( Time::HiRes::CLOCK_PROCESS_CPUTIME_ID() );
    printf "%.3f\n", ( $after - $before ) * 1e9 / $calls;
}

sub decide {
    my ($attempt) = @_;
    my $decision = { action => 'normal' };
    for my $hook (@hooks) {
        my $vote;
        if ( !eval { $vote = $hook->( $attempt, $state ); 1 } ) {
            return failed( $attempt, "Exception running pre_delivery_attempt_hook: $@" );
        }
        my $problem = problem($vote);
        return failed( $attempt, "Invalid return from pre_delivery_attempt_hook: $problem" ) if $problem;
        $decision = folded( $decision, $vote );
    }
    return $decision;
}

sub problem {
    my ($vote) = @_;
    return 'no hash' if ref $vote ne 'HASH';
    my $action = $vote->{action};
    return 'no action' if !defined $action;
    my $carries = $CARRIES{$action} or return "unknown action $action";
    for my $key ( keys %$vote ) {
        next if $key eq 'action';
        return "unknown key $key" if !$carries->{$key};
        return "$key is no string" if !defined $vote->{$key} || ref $vote->{$key};
    }
    return 'no new_mtaid' if $action eq 'new_mtaid' && !defined $vote->{new_mtaid};
    return;
}

sub folded {
    my ( $decision, $vote ) = @_;
    my ( $before, $now ) = @STRICTNESS{ $decision->{action}, $vote->{action} };
    return $now > $before ? $vote : $decision if $before || $now;
    return $decision if keys %$vote == 1;
    my %sum = ( %$decision, %$vote );
    $sum{action} = exists $sum{new_sender} ? 'new_config' : exists $sum{new_mtaid} ? 'new_mtaid' : 'normal';
    return \%sum;
}

sub failed {
    my ( $attempt, $error ) = @_;
    print STDERR "error in pre_delivery_attempt_hook: msguid=[$attempt->{msguid}], ",
        "recipient=[$attempt->{recipient}], error: $error\n";
    return { action => 'pause', message => $ERROR };
}

sub loaded {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    my $hook = eval "use strict; $text" or die "error compiling $file: $@";
    return $hook;
}

sub attempts {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    chomp( my @recipients = <$in> );
    return map {
        {
            mtaid => 'smtp1', sendid => 'news-2026-11', listid => 'weekly',
            msguid => '1483391740.41125123', injtime => 1483391740,
            sender => 'bounce@sender.example', recipient => $_,
            is_first_attempt => 1, mtaid_exists => 1,
        }
    } @recipients;
}
