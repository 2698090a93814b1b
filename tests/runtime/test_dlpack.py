"""Capsules exchanged with PyTorch and NumPy, in memory of the host, where both can read them."""

import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgegan.core.errors import UsageError
from edgegan.runtime import dlpack
from edgegan.runtime.device_array import DeviceArray, on_device

SHAPES = st.lists(st.integers(1, 4), max_size=4).map(tuple)
TYPES = st.sampled_from(["f4", "f2", "f8", "i8", "i4", "i1", "u1"])


class Capsule:
    """What torch.from_dlpack and numpy.from_dlpack take."""

    def __init__(self, array, owner=None):
        view = dlpack.View(array.ctypes.data, array.shape, array.dtype, (dlpack.CPU, 0), owner or array)
        self.capsule = dlpack.make(view)

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return dlpack.CPU, 0


@given(SHAPES, TYPES)
def test_what_torch_gives_is_read_in_place(shape, dtype):
    array = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    tensor = torch.from_numpy(array)
    view = dlpack.read(tensor.__dlpack__())
    assert view.address == tensor.data_ptr() and view.shape == shape and view.dtype == np.dtype(dtype)
    assert view.device == (dlpack.CPU, 0)


@given(SHAPES, TYPES)
def test_torch_reads_in_place_what_is_made(shape, dtype):
    array = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    tensor = torch.from_dlpack(Capsule(array))
    np.testing.assert_array_equal(tensor.numpy(), array)
    tensor.zero_()
    assert not array.any()


def test_what_a_capsule_refers_to_lives_as_long_as_whoever_took_it():
    class Owner:
        pass

    owner, array = Owner(), np.ones(4, np.float32)
    gone = weakref.ref(owner)
    tensor = torch.from_dlpack(Capsule(array, owner))
    del owner
    gc.collect()
    assert gone() is not None
    del tensor
    gc.collect()
    assert gone() is None
    unused = Owner()
    gone, capsule = weakref.ref(unused), Capsule(array, unused)
    del capsule, unused
    gc.collect()
    assert gone() is None


def test_a_view_of_every_second_value_is_refused():
    with pytest.raises(UsageError, match="contiguous"):
        dlpack.read(torch.zeros(4, 6)[:, ::2].__dlpack__())


def test_arrays_of_the_gpu_are_told_from_those_of_the_host():
    owner = np.arange(6, dtype=np.float32).reshape(2, 3)
    array = DeviceArray(owner.ctypes.data, owner.shape, owner.dtype, owner)
    again = on_device(array)
    assert (again.address, again.shape, again.dtype) == (array.address, array.shape, array.dtype)
    assert array.__dlpack_device__() == (dlpack.CUDA, 0)
    assert dlpack.read(array.__dlpack__(stream=1)).address == owner.ctypes.data
    assert on_device(owner) is None and on_device(torch.zeros(3)) is None

    class Strided:
        __cuda_array_interface__ = array.__cuda_array_interface__ | {"strides": (4, 8)}

    with pytest.raises(UsageError, match="contiguous"):
        on_device(Strided())
