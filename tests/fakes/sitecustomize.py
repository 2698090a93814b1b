"""With FAKE_CUDA_PROVIDER, ONNX Runtime says that it has a CUDA provider, and computes on the CPU."""

import os

if os.environ.get("FAKE_CUDA_PROVIDER"):
    import time

    import onnxruntime

    CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
    MILLISECONDS = float(os.environ["FAKE_CUDA_PROVIDER"])

    class Session(onnxruntime.InferenceSession):
        def __init__(self, model, options=None, providers=()):
            self.asked = [name if isinstance(name, str) else name[0] for name in providers]
            super().__init__(model, options, providers=[CPU])

        def get_providers(self):
            return self.asked

        def run(self, *arguments):
            start = time.perf_counter()
            images = super().run(*arguments)
            while CUDA in self.asked and (time.perf_counter() - start) * 1e3 < MILLISECONDS:
                time.sleep(1e-5)
            return images

        def io_binding(self):
            return Binding() if CUDA in self.asked else super().io_binding()

        def run_with_iobinding(self, binding, options=None):
            if CUDA not in self.asked:
                return super().run_with_iobinding(binding, options)
            (images,) = self.run(None, {name: values.copy() for name, values in binding.given.items()})
            binding.out[...] = images

    class Binding:
        """Arrays in the memory of the fake GPU, by their addresses."""

        def __init__(self):
            self.given = {}

        def bind_input(self, name, device, number, dtype, shape, address):
            from cuda.bindings.runtime import array_at

            self.given[name] = array_at(address, shape, dtype)

        def bind_output(self, name, device, number, dtype, shape, address):
            from cuda.bindings.runtime import array_at

            self.out = array_at(address, shape, dtype)

        def synchronize_outputs(self):
            pass

    onnxruntime.InferenceSession = Session
    onnxruntime.get_available_providers = lambda: [CUDA, CPU]
