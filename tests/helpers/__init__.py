"""What the tests share: sites, installed distributions, waiting."""
