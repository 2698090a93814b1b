"""Tampering with what a user may be handed: a zip archive with other contents."""

import zipfile


def rewrite_archive(path, change):
    """Let ``change`` edit the archive's ``{name: bytes}`` in place; returns ``path``."""
    with zipfile.ZipFile(path) as archive:
        contents = {n: archive.read(n) for n in archive.namelist()}
    change(contents)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path
