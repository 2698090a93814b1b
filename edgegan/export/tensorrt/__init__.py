"""ONNX -> TensorRT: what NVIDIA's parser says, plans for RTX ahead of time without a GPU, engines on the device."""
