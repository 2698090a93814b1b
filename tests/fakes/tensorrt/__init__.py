"""TensorRT's Python interface as far as EdgeGAN calls it; see the README beside."""

import json
import os
import threading
import time
from collections import namedtuple
from enum import Enum, IntEnum

import numpy as np
import onnx
import onnxruntime
from cuda.bindings.runtime import RECORDING, array_at

if os.environ.get("FAKE_NO_TENSORRT"):
    raise ImportError("libnvinfer.so.10: cannot open shared object file")
__version__ = os.environ.get("FAKE_TENSORRT", "10.3.0")
MAJOR = int(__version__.split(".")[0])
MS = {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "pair": 0.0} | json.loads(os.environ.get("FAKE_MS", "{}"))
PAIR_MS = json.loads(os.environ.get("FAKE_PAIR_MS", "{}"))
WRONG = os.environ.get("FAKE_WRONG", "").split(",")
REFUSED = os.environ.get("FAKE_REFUSED", "").split(",")
MAGIC = b"plan of a fake TensorRT "


class ILogger:
    Severity = IntEnum("Severity", ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"], start=0)

    def __init__(self):
        pass


class Logger(ILogger):
    ERROR = ILogger.Severity.ERROR

    def __init__(self, least=ILogger.Severity.ERROR):
        self.least = least

    def log(self, severity, message):
        pass


_FLAGS = ["DEBUG", "GPU_FALLBACK", "TF32"]
_FLAGS += ["FP16", "INT8"] if MAJOR < 11 else []
_FLAGS += ["VERSION_COMPATIBLE"] if MAJOR > 8 or __version__ >= "8.6" else []
BuilderFlag = IntEnum("BuilderFlag", _FLAGS, start=0)
NetworkDefinitionCreationFlag = IntEnum(
    "NetworkDefinitionCreationFlag", ["EXPLICIT_BATCH"] + (["STRONGLY_TYPED"] if MAJOR > 9 else []), start=0
)
MemoryPoolType = Enum("MemoryPoolType", ["WORKSPACE", "DLA_MANAGED_SRAM"])
ProfilingVerbosity = Enum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "NONE", "DETAILED"])
HardwareCompatibilityLevel = Enum("HardwareCompatibilityLevel", ["NONE", "AMPERE_PLUS"])
DeviceType = Enum("DeviceType", ["GPU", "DLA"])
LayerInformationFormat = Enum("LayerInformationFormat", ["ONELINE", "JSON"])
TensorIOMode = Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"])


class Network:
    def __init__(self, flags):
        self.strong = MAJOR > 10 or (MAJOR > 9 and bool(flags & 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        if MAJOR < 10:
            assert flags & 1 << NetworkDefinitionCreationFlag.EXPLICIT_BATCH, "the parser takes explicit batches only"
        self.model = None

    @property
    def num_layers(self):
        return len(self.model.graph.node)

    @property
    def num_inputs(self):
        return len(self.model.graph.input)

    def get_input(self, index):
        value = self.model.graph.input[index]
        return Tensor(value.name, tuple(dim.dim_value or -1 for dim in value.type.tensor_type.shape.dim))

    def get_layer(self, index):
        return Layer(self.model.graph, self.model.graph.node[index])

    @property
    def kind(self):
        graph = self.model.graph
        if any(node.op_type == "QuantizeLinear" for node in graph.node):
            return "int8"
        halves = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in graph.initializer)
        return "fp16" if halves else "fp32"


Tensor = namedtuple("Tensor", ["name", "shape", "dtype", "is_network_output"], defaults=("float", False))
LayerType = Enum("LayerType", ["CONSTANT", "CONVOLUTION", "DEQUANTIZE", "ELEMENTWISE", "QUANTIZE"])
KINDS = {"QuantizeLinear": LayerType.QUANTIZE, "DequantizeLinear": LayerType.DEQUANTIZE, "Conv": LayerType.CONVOLUTION}


class Layer:
    """A node of the ONNX; weights are no layers of their own here."""

    def __init__(self, graph, node):
        self.graph, self.node = graph, node
        self.name, self.op_type = node.name, node.op_type
        self.type = KINDS.get(node.op_type, LayerType.ELEMENTWISE)
        self.num_inputs, self.num_outputs = len(node.input), len(node.output)

    def get_input(self, index):
        return Tensor(self.node.input[index], ()) if self.node.input[index] else None

    def get_output(self, index):
        name = self.node.output[index]
        return Tensor(name, (), is_network_output=name in {value.name for value in self.graph.output})

    def set_input(self, index, tensor):
        self.node.input[index] = tensor.name


class Profile(dict):
    def set_shape(self, name, least, usual, most):
        self[name] = least, usual, most


class ParserError:
    def __init__(self, index, node):
        self._index, self._node = index, node

    def desc(self):
        return f"no importer registered for op: {self._node.op_type}"

    def node(self):
        return self._index

    if MAJOR > 9:

        def node_name(self):
            return self._node.name

        def node_operator(self):
            return self._node.op_type


class OnnxParser:
    def __init__(self, network, logger):
        self.network, self._errors = network, []

    def parse_from_file(self, path):
        self.network.model = onnx.load(path)
        if self.network.kind in REFUSED:
            self._errors.append(ParserError(0, self.network.model.graph.node[0]))
        return not self._errors

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return self._errors[index]


class TimingCache:
    def __init__(self, content):
        self.content = json.loads(content) if content else {"version": __version__, "builds": 0}

    def serialize(self):
        return json.dumps(self.content).encode()


class BuilderConfig:
    def __init__(self):
        self.flags, self.pools, self.cache = set(), {}, None
        self.default_device_type, self.DLA_core = DeviceType.GPU, -1
        self.profiles = []

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)

    def set_flag(self, flag):
        self.flags.add(flag)

    def set_memory_pool_limit(self, pool, size):
        self.pools[pool] = size

    def create_timing_cache(self, content):
        return TimingCache(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        fits = cache.content["version"] == __version__
        self.cache = cache if fits else self.cache
        return fits

    def get_timing_cache(self):
        return self.cache

    def can_run_on_DLA(self, layer):
        return layer.op_type in ("Conv", "Relu", "Add")


def remove_unread(graph):
    """As the builder does with layers whose outputs nothing reads."""
    outputs = {value.name for value in graph.output}
    while unread := [
        node
        for read in [outputs | {name for node in graph.node for name in node.input}]
        for node in graph.node
        if not read & set(node.output)
    ]:
        for node in unread:
            graph.node.remove(node)


class Builder:
    num_DLA_cores = 2 if MAJOR < 11 else 0

    def __init__(self, logger):
        self.logger = logger

    def create_network(self, flags=0):
        return Network(flags)

    def create_optimization_profile(self):
        return Profile()

    def create_builder_config(self):
        return BuilderConfig()

    def build_serialized_network(self, network, config):
        allowed = {flag.name for flag in config.flags}
        if network.strong and allowed & {"FP16", "INT8"}:
            self.logger.log(ILogger.Severity.ERROR, "a strongly typed network takes no precision flags")
            return None
        if not network.strong and network.kind == "int8" and "INT8" not in allowed:
            self.logger.log(ILogger.Severity.ERROR, "the network has Q/DQ layers, and int8 is not allowed")
            return None
        inputs = [network.get_input(index) for index in range(network.num_inputs)]
        if any(-1 in tensor.shape for tensor in inputs) and not config.profiles:
            self.logger.log(ILogger.Severity.ERROR, "network has dynamic inputs, but no optimization profile")
            return None
        shapes = dict(config.profiles[0]) if config.profiles else {}
        if config.cache is not None:
            config.cache.content["builds"] += 1
        remove_unread(network.model.graph)
        pairs = [node.name for node in network.model.graph.node if node.op_type == "QuantizeLinear"]
        milliseconds = MS[network.kind] + sum(PAIR_MS.get(name, MS["pair"]) for name in pairs)
        head = json.dumps(
            {"version": __version__, "ms": milliseconds, "wrong": network.kind in WRONG, "shapes": shapes}
        )
        return MAGIC + head.encode() + b"\n" + network.model.SerializeToString()


class Runtime:
    def __init__(self, logger):
        self.engine_host_code_allowed = False

    def deserialize_cuda_engine(self, plan):
        if not plan.startswith(MAGIC):
            return None
        head, _, model = plan.removeprefix(MAGIC).partition(b"\n")
        return Engine(json.loads(head), model)


class Engine:
    def __init__(self, head, model):
        self.head, self.nodes = head, onnx.load_from_string(model).graph.node
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tensors = {tensor.name: tensor for tensor in (*self.session.get_inputs(), *self.session.get_outputs())}

    @property
    def num_layers(self):
        return len(self.nodes)

    def create_engine_inspector(self):
        return self

    def get_layer_information(self, index, form):
        node = self.nodes[index]
        quantized = any("quantize" in name for name in node.input)
        layout = "Thirty-two wide channel vectorized row major Int8 format" if quantized else "Row major linear FP32"
        told = {"Name": node.name, "LayerType": node.op_type, "Inputs": [{"Name": "x", "Format/Datatype": layout}]}
        return json.dumps(told if node.op_type == "Conv" else node.name)

    @property
    def num_io_tensors(self):
        return len(self.tensors)

    def get_tensor_name(self, index):
        return list(self.tensors)[index]

    def get_tensor_mode(self, name):
        given = any(tensor.name == name for tensor in self.session.get_inputs())
        return TensorIOMode.INPUT if given else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name):
        return tuple(size if isinstance(size, int) else -1 for size in self.tensors[name].shape)

    def create_execution_context(self):
        return Context(self)


class IProfiler:
    def __init__(self):
        pass


class Context:
    def __init__(self, engine):
        self.engine, self.addresses, self.thread, self.profiler = engine, {}, None, None
        self.shapes = {tensor.name: engine.get_tensor_shape(tensor.name) for tensor in engine.session.get_inputs()}

    def set_input_shape(self, name, shape):
        least, _, most = self.engine.head["shapes"][name]
        assert all(low <= size <= high for low, size, high in zip(least, shape, most, strict=True)), (
            "not in the profile"
        )
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        addresses, shapes = dict(self.addresses), dict(self.shapes)
        if stream in RECORDING:
            RECORDING[stream].append(lambda: self._compute(addresses, shapes))
        else:
            self._compute(addresses, shapes)
        return True

    def _compute(self, addresses, shapes):
        assert self.thread in (None, threading.get_ident()), "two threads in one context"
        self.thread = threading.get_ident()
        start = time.perf_counter()
        types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
        session = self.engine.session
        given = {
            tensor.name: array_at(addresses[tensor.name], shapes[tensor.name], types[tensor.type]).copy()
            for tensor in session.get_inputs()
        }
        (output,) = session.get_outputs()
        (images,) = session.run(None, given)
        if self.engine.head["wrong"]:
            images = -images
        array_at(addresses[output.name], images.shape, types[output.type])[...] = images
        while (time.perf_counter() - start) * 1e3 < self.engine.head["ms"]:
            time.sleep(1e-5)
        if self.profiler is not None:
            spent = (time.perf_counter() - start) * 1e3
            for node in self.engine.nodes:
                self.profiler.report_layer_time(node.name or node.op_type, spent / len(self.engine.nodes))
        self.thread = None
