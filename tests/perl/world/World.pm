package World;

# The world that a test shows to a Perl hook: its clock stands until the test sets it, and its
# blacklist is the test's, whatever its path.

use strict;
use warnings;
use Symbol ();

my ( $clock, $list ) = @ENV{qw(WORLD_CLOCK WORLD_LIST)};

sub now {
    CORE::open my $in, '<', $clock or die "no clock: $!";
    my $now = <$in>;
    close $in;
    return $now + 0;
}

BEGIN {
    *CORE::GLOBAL::time = sub () { return now() };
    *CORE::GLOBAL::open = sub (*;$@) {
        my ( $mode, @what ) = @_[ 1 .. $#_ ];
        $what[0] = $list if @what == 1 && $what[0] =~ m{/recipient_blacklist[.]txt\z};
        if ( defined $_[0] ) {
            my $handle = Symbol::qualify_to_ref( $_[0], scalar caller );
            return CORE::open $handle, $mode, @what;
        }
        return CORE::open $_[0], $mode, $what[0];
    };
}

1;
