# What GreenArrow does with its pre_delivery_attempt_hook, as its documentation describes it:
#
#     perl greenarrow.pl FILE
#
# Commands come as lines of JSON on standard input, and each is answered with a line. Strings are
# bytes: each character stands for one. Only one beyond U+00FF is a character, as Perl has them.
#
#     {"load": "eval"}             compile FILE, by string eval or by "do"; begin a new state
#     {"calls": [ATTEMPT, ...]}    call the sub for each attempt
#     {"fork": [...], "calls": [...]}   the same, while a child calls it for others
#     {"set": {"DEADLINE": 0.2}}   change a setting of the loaded file that is a package variable
#     {"become": UID}              give up the rights of root
#     {"open": NUMBER}             hold so many more files open

use strict;
use warnings;
use JSON::PP ();

package GreenArrow::Hook; # nothing but what FILE itself puts here

sub compiled { return eval $_[0] } # strict, and above all variables of this program

package main;

my $ERROR = 'Error in pre_delivery_attempt_hook (see logfile)';
my %CARRIES = (
    normal     => { deliver_as_if_to_domain => 1 },
    pause      => { message => 1 },
    dump       => { message => 1 },
    new_mtaid  => { new_mtaid => 1, deliver_as_if_to_domain => 1 },
    new_config => { new_mtaid => 1, new_sender => 1 },
);

my $file = shift;
my $json = JSON::PP->new->ascii->canonical->allow_nonref;
my ($sub, $state, $deaths, @held) = (undef, {}, 0);
my %before = map { $_ => 1 } keys %GreenArrow::Hook::;
$| = 1;
$SIG{__WARN__} = sub { print STDERR "WARNING: $_[0]" };
$SIG{__DIE__} = sub { $deaths++ };
$SIG{USR1} = sub { }; # interrupts what is going on
$SIG{USR2} = sub { die "the host has been interrupted\n" };

while (defined(my $line = <STDIN>)) {
    my $command = $json->decode($line);
    my $reply
        = $command->{load}   ? loaded($command->{load})
        : $command->{fork}   ? forked($command)
        : $command->{calls}  ? called($command->{calls})
        : $command->{set}    ? set($command->{set})
        : $command->{become} ? become($command->{become})
        : $command->{open}   ? held($command->{open})
        :                      die "what is $line?";
    print $json->encode($reply), "\n";
}

sub loaded {
    my ($how) = @_;
    ($sub, $state) = (undef, {});
    my $found = $how eq 'do' ? do $file : GreenArrow::Hook::compiled(text_of($file));
    $sub = $found if ref $found eq 'CODE';
    chomp(my $why = $sub ? '' : $@ || 'no reference to a sub');
    print STDERR "error loading pre_delivery_attempt_hook: error compiling: $why\n" if !$sub;
    my @new = grep { !$before{$_} } keys %GreenArrow::Hook::;
    return { error => $why, names => [sort @new] };
}

sub text_of {
    open my $in, '<', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$in>;
}

sub called {
    my ($attempts) = @_;
    return [map { outcome_of($_) } @$attempts];
}

sub outcome_of {
    my ($attempt) = @_;
    defined and utf8::downgrade($_, 1) for values %$attempt;
    $deaths = 0;
    my $found = eval { $sub->($attempt, $state) };
    my $died = $@;
    my $why = $died ? "Exception running pre_delivery_attempt_hook: $died" : refused($found);
    chomp $why;
    my ($msguid, $recipient) = map { $_ // '' } @{$attempt}{qw(msguid recipient)};
    utf8::encode($_) for $msguid, $recipient;
    print STDERR "error in pre_delivery_attempt_hook: "
        . "msguid=[$msguid], recipient=[$recipient], error: $why\n" if $why;
    return {
        decision => $why ? { 'temp-fail' => $ERROR } : $found,
        error    => $why,
        kept     => scalar(keys %$state),
        deaths   => $deaths,
        sigpipe  => $SIG{PIPE},
    };
}

sub refused {
    my ($found) = @_;
    my $invalid = 'Invalid return from pre_delivery_attempt_hook:';
    ref $found eq 'HASH' or return "$invalid no reference to a hash";
    my $action = $found->{action} // '';
    my $carries = $CARRIES{$action} or return "$invalid action [$action]";
    for my $key (grep { $_ ne 'action' } sort keys %$found) {
        $carries->{$key} or return "$invalid $action with the key $key";
        my $value = $found->{$key};
        defined $value && !ref $value or return "$invalid $key is no string";
        utf8::downgrade($value, 1) or return "$invalid $key holds characters, not bytes";
    }
    return "$invalid new_mtaid is missing" if $action eq 'new_mtaid' && !exists $found->{new_mtaid};
    return '';
}

sub forked {
    my ($command) = @_;
    pipe my $from, my $to or die "pipe: $!";
    my $child = fork // die "fork: $!";
    if (!$child) {
        print {$to} $json->encode(called($command->{fork}));
        close $to;
        exit;
    }
    close $to;
    my $ours = called($command->{calls});
    my $theirs = $json->decode(scalar <$from>);
    waitpid $child, 0;
    return { parent => $ours, child => $theirs };
}

sub set {
    my ($values) = @_;
    no strict 'refs';
    ${"GreenArrow::Hook::$_"} = $values->{$_} for keys %$values;
    return [];
}

sub become {
    my ($uid) = @_;
    ($(, $)) = ($uid, "$uid $uid");
    ($<, $>) = ($uid, $uid);
    return $> == $uid ? [] : die "can't become $uid: $!";
}

sub held {
    my ($number) = @_;
    while (@held < $number) {
        open my $in, '<', '/dev/null' or die "/dev/null: $!";
        push @held, $in;
    }
    return [];
}
