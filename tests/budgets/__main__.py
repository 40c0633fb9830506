"""Record what is counted as the budget of this version of Python: `python -m tests.budgets`."""

from .recorded import counted, record

if __name__ == "__main__":
    record(counted())
