# What `hookframe verify` runs: the file of the README.
my %virtual_mta_of = ( receipts => 'fast', newsletter => 'bulk-2' );

return sub {
    my ( $attempt, $state ) = @_;

    if ( $attempt->{recipient} =~ /\@closed[.]example$/i ) {
        return { action => 'dump', message => 'This domain is closed. (#5.1.2)' };
    }
    my $virtual_mta = $virtual_mta_of{ $attempt->{sendid} };
    return { action => 'normal' } if !defined $virtual_mta;

    $state->{moved}++;
    return { action => 'new_mtaid', new_mtaid => $virtual_mta };
};
