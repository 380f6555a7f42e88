"""The one-pass timing model: front end, back end, memory, vector unit."""
