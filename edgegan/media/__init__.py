"""Pictures and videos as people have them, through a loaded generator and back into files."""
