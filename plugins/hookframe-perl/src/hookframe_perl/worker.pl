# Runs one Perl hook file for hookframe-perl; process.py is the other end of its pipes.
#
# Arguments: the descriptors on which requests come and answers go. Both are frames: a length in
# four bytes, big-endian, and so many bytes of fields, each a length and its bytes likewise. The
# first field of a request says what to do, the first field of an answer what came of it.

# Above every `my`, so that the hook file sees no variable of ours, and in package main. The eval
# inherits `use strict` and adds no line; it is this process's first, which Perl calls (eval 1).
sub hookframe_compile { use strict; return eval shift }

package HookframePerl;

require 5.014;    # not `use`, whose features the hook file would inherit
use strict;
use warnings;

use constant LONGEST_VALUE => 65_535;
use constant LONGEST_TEXT  => 4_096;
use constant MOST_NAMES    => 64;
use constant EINTR         => 4;    # by number: Errno.pm, and so %!, would use up (eval 1)

# `next` and `last` leave the innermost loop of all that is running: ours, where the hook has none.
# A bare block is a loop, which `redo` would begin again.
use constant LEFT => 'it was left by next, last or redo, outside of a loop of its own';

my ( $requests, $answers, $output );
my $process = $$;
my ( $hook, $state, %ours );

# A child would answer in its parent's place. What is not called `fork` is caught after the call.
BEGIN {
    *CORE::GLOBAL::fork = sub () {
        my ( undef, $file, $line ) = caller;
        die "fork is not possible in a hook: it must return at once at $file line $line.\n";
    };
}

sub run {
    my ( $from, $to ) = splice @ARGV;
    open $requests, '<&=', $from or die "no requests: $!\n";
    open $answers,  '>&=', $to   or die "no answers: $!\n";
    open $output, '>&', \*STDERR or die "no standard error: $!\n";
    binmode $_ for $requests, $answers;
    keep_output_open();

    # A terminal's Ctrl-C and a service manager's SIGTERM are for hookframe, which ends us when it
    # is done. A handler, unlike 'IGNORE', is not inherited by what the hook starts.
    $SIG{$_} = sub { } for qw(HUP INT TERM);
    %ours = map { $_ => 1 } keys %INC;
    my %does = ( compile => \&compile, call => \&call, look => \&look, warnings => \&warnings );
    while ( defined( my $request = receive() ) ) {
        my ( $what, @fields ) = unpack '(N/a*)*', $request;
        answer( $does{$what}->(@fields) );
    }
    return;
}

sub compile {
    my ( $source, $path ) = @_;
    $0 = $path;
    my ( $made, $error, $begun );
    {
        last if $begun++;
        $made = main::hookframe_compile($source);
        $error = $@;
    }
    keep_output_open();
    return ( 'died', LEFT ) if !defined $error;
    return ( 'died', text($error) ) if !defined $made && is_error($error);
    return ( 'invalid', 'the file must return a reference to a sub; it returned ' . kind($made) )
        if !UNIVERSAL::isa( $made, 'CODE' );
    ( $hook, $state ) = ( $made, {} );
    return ( 'compiled', sprintf '%vd', $^V );
}

sub call {
    my ( $names, $undefined, @values ) = @_;
    my %attempt;
    @attempt{ @{ names($names) } } = @values;
    @attempt{ @{ names($undefined) } } = () if length $undefined;
    my ( $decision, $returned, $error, $begun );
    {
        last if $begun++;
        local $_;
        $returned = eval { $decision = $hook->( \%attempt, my $same = $state ); 1 };
        $error = $@;
    }
    kill KILL => $$ if $$ != $process;    # a child that the hook has forked by other means
    keep_output_open();
    return ( 'died', LEFT ) if !defined $error;
    return ( 'died', text($error) ) if !$returned;
    my @answer = eval { fields_of($decision) };
    return @answer ? @answer : ( 'died', text($@) );    # a tied hash may die as well
}

# The keys of attempts are the same again and again.
my %names;

sub names {
    my ($packed) = @_;
    %names = () if keys %names > MOST_NAMES;
    return $names{$packed} ||= [ unpack '(N/a*)*', $packed ];
}

sub fields_of {
    my ($decision) = @_;
    return ( 'invalid', 'expected a reference to a hash; got ' . kind($decision) )
        if !UNIVERSAL::isa( $decision, 'HASH' );
    my @pairs;
    for my $key ( sort keys %$decision ) {
        my $value = $decision->{$key};
        next if !defined $value;
        my $name = bytes($key);
        return ( 'invalid', "$name must be a string, not " . kind($value) ) if ref $value;
        $value = bytes($value);
        return ( 'invalid', "$name has " . length($value) . ' bytes' )
            if length $value > LONGEST_VALUE;
        push @pairs, $name, $value;
    }
    return ( 'decided', @pairs );
}

sub look {
    my @names = map { bytes($_) } sort keys %$state;
    return ( 'looked', scalar @names, @names, grep { !$ours{$_} } sort keys %INC );
}

# Compiles the file once more, with warnings, which the original contract does not ask for.
sub warnings {
    my ($source) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, text( $_[0] ) };
    main::hookframe_compile( 'use warnings; ' . $source );
    return ( 'warned', @warnings );
}

sub is_error {
    my ($error) = @_;
    return ref $error || length $error;
}

sub kind {
    my ($value) = @_;
    return 'undef' if !defined $value;
    return ref $value ? 'a reference to ' . ref($value) : 'a string or a number';
}

# Perl's own words, as bytes.
sub text {
    my ($error) = @_;
    my $text = eval { "$error" };
    return 'died with an object whose text can\'t be had' if !defined $text;
    $text = bytes($text);
    $text =~ s/\s+\z//;
    $text = 'died with an empty text' if !length $text;
    $text .= ' (it died with a reference that has no text)'
        if ref $error && $text =~ /\A(?:[\w:]+=)?[A-Z]+\(0x[0-9a-f]+\)\z/;
    return substr $text, 0, LONGEST_TEXT;
}

# A string of characters becomes UTF-8; one of bytes stays as it is.
sub bytes {
    my ($string) = @_;
    utf8::encode($string) if utf8::is_utf8($string);
    return "$string";
}

# Whatever a hook has printed shall be out before we answer, and what the next one prints as well.
# In the order of the descriptors, each of which gets the lowest number that is free.
sub keep_output_open {
    open STDIN, '<', '/dev/null' if !tied *STDIN  && !defined fileno STDIN;
    open STDOUT, '>&', $output   if !tied *STDOUT && !defined fileno STDOUT;
    open STDERR, '>&', $output   if !tied *STDERR && !defined fileno STDERR;
    my $selected = select STDOUT;
    $| = 1;    ## no critic (it flushes at once, whatever it was before)
    select $selected;
    return;
}

# With sysread, as reading a line would add "<$requests> line 1" to what the hook dies with.
my $received = '';

sub receive {
    my $wanted = 4;
    while ( length $received < $wanted ) {
        my $read = sysread $requests, $received, 65_536, length $received;
        next if !defined $read && $! == EINTR;
        return if !$read;
        $wanted = 4 + unpack 'N', $received if length $received >= 4;
    }
    my $frame = substr $received, 4, $wanted - 4;
    substr( $received, 0, $wanted ) = '';
    return $frame;
}

sub answer {
    my $fields = pack '(N/a*)*', @_;
    my $frame = pack 'N/a*', $fields;
    while ( length $frame ) {
        my $written = syswrite $answers, $frame;
        next if !defined $written && $! == EINTR;
        return if !$written;
        substr( $frame, 0, $written ) = '';
    }
    return;
}

run();
