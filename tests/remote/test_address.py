"""How a device is addressed."""

import pytest

from edgegan.core.errors import UsageError
from edgegan.remote.ssh import Device, parse_device


@pytest.mark.parametrize(
    "text,found",
    [
        ("ssh://nvidia@jetson.local", Device("nvidia", "jetson.local", 22)),
        ("ssh://me@10.0.0.7:2222", Device("me", "10.0.0.7", 2222)),
        ("ssh://me@[fe80::1]:99", Device("me", "fe80::1", 99)),
    ],
)
def test_addresses(text, found):
    assert parse_device(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "jetson",
        "ssh://jetson",
        "http://a@b",
        "ssh://a@b:0",
        "ssh://a@b:99999",
        "ssh://-oProxyCommand=x@b",
        "ssh://a@-oProxyCommand=x",
        "ssh://a@b;rm",
        "ssh://a@b/path",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="is not ssh://USER@HOST"):
        parse_device(text)
