"""The room of files: written completely or not at all, read without trust."""
