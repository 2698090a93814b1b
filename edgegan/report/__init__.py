"""The report: JSON for scripts, a page and a sheet of pictures for people."""
