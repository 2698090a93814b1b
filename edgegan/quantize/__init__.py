"""Int8 in the scheme that each backend accepts: PT2E for ONNX graphs, ai-edge-quantizer for LiteRT, NNCF for
OpenVINO."""
