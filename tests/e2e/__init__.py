"""Real mail through a real Exim, asked about by a real `hookframe serve`."""
