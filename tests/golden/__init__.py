"""Answers to full precision, each file beside the script that made it."""
