return sub { return { action => 'normal' } };
