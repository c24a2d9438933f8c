"""The command line: parse, call, print. The one place that may import every room."""
