"""Run where TensorRT and CUDA are the fakes: what the session for plans does with them, told as JSON."""

import gc
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from cuda.bindings import runtime

from edgegan.core.errors import GeneratorError
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import load
from edgegan.runtime.device_array import DeviceArray, on_device


def live():
    return {kind: len(things) for kind, things in runtime.LIVE.items()}


def to_gpu(array):
    _, address = runtime.cudaMalloc(array.nbytes)
    runtime.array_at(address, array.shape, array.dtype)[...] = array
    return DeviceArray(address, array.shape, array.dtype, None)


def values(array):
    return runtime.array_at(array.address, array.shape, array.dtype)


plan, told = sys.argv[1], {}
generator = load(plan)
inputs = sample_inputs(generator.inputs, 8, 0)
first = {name: value[:1] for name, value in inputs.items()}
pictures = generator.images(inputs)
told["notes"] = list(generator.notes)
with ThreadPoolExecutor(4) as pool:
    rows = [{name: value[i : i + 1] for name, value in inputs.items()} for i in range(8)]
    many = np.concatenate([given["image"] for given in pool.map(generator.run, rows * 4)][:8])
told["threads agree"] = bool((many == pictures).all())
told["live"] = live()

(name,) = first
given = to_gpu(first[name])
out = to_gpu(np.zeros_like(pictures[:1]))
result = generator.run_on_device({name: given})["image"]
told["on the device"] = bool((values(result) == pictures[:1]).all())
into = generator.run_on_device({name: given}, out)["image"]
told["into the given array"] = into.address == out.address and bool((values(out) == pictures[:1]).all())
told["afterwards on the host"] = bool((generator.run(first)["image"] == pictures[:1]).all())
told["refused"] = []
wrong = to_gpu(np.zeros((2, *given.shape[1:]), np.float32))
for arrays, target in (({name: first[name]}, None), ({name: wrong}, None), ({name: given}, wrong)):
    try:
        generator.run_on_device(arrays, target)
    except GeneratorError as exc:
        told["refused"].append(str(exc))
prepared = generator.prepare(first)
prepared.call()
told["device ms"] = [prepared.device_ms() for _ in range(3)]
told["after prepare"] = bool((generator.run(first)["image"] == pictures[:1]).all())
before = live()["device"]
del result, prepared
gc.collect()
told["freed with its array"] = live()["device"] == before - 1
generator.close()
generator.close()
for array in (given, out, wrong):
    runtime.cudaFree(array.address)
told["after close"] = live()
for _ in range(100):
    with load(plan) as again:
        again.run(first)
told["after 100 loads"] = live()
runtime.MOST = 16
try:
    load(plan)
except GeneratorError as exc:
    told["too little memory"] = str(exc)
told["after a failed load"] = live()
assert on_device(out) is not None
print(json.dumps(told))
