"""Each promise of the contract, a file for each of its sections."""
