"""What an attempt and a start may cost, counted; `python -m tests.budgets` records it anew."""
