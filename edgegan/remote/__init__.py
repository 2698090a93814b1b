"""A device over ssh: candidates are measured, and engines built, where they will run."""
