"""The Perl plugin beside what only this repository has: its ways of saving, and its documents."""
