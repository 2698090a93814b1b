"""The command line: a file per command, heavy rooms imported when a command runs."""
