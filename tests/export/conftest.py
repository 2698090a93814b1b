"""What the tests of exporting share."""

import pytest


@pytest.fixture(params=["dcgan_graph", "cyclegan_graph"])
def graph(request):
    return request.getfixturevalue(request.param)
