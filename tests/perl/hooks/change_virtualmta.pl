# Sends a campaign by another VirtualMTA.

my %moved = ( trans170101 => 'smtp1-3' );

return sub {
    my ($attempt) = @_;
    my $virtual_mta = $moved{ $attempt->{sendid} };
    return { action => 'normal' } if !defined $virtual_mta;
    print STDERR "SendID $attempt->{sendid} leaves by $virtual_mta\n";
    return { action => 'new_mtaid', new_mtaid => $virtual_mta };
};
