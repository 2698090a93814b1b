// OpenVINO's runtime: reads .onnx and .xml.
#pragma once

#include <openvino/openvino.hpp>
#include <string>
#include <vector>

#include "manifest.hpp"

namespace edgegan {

class Session {
 public:
  explicit Session(const std::string& path) {
    ov::Core core;
    const ov::AnyMap options = {{"PERFORMANCE_HINT", "LATENCY"}, {"INFERENCE_PRECISION_HINT", kPrecision}};
    request_ = core.compile_model(path, "CPU", options).create_infer_request();
  }

  std::vector<float> run(const std::vector<std::vector<float>>& inputs) {
    for (std::size_t i = 0; i < inputs.size(); i++) {
      ov::Tensor tensor = request_.get_tensor(kInputs[i].name);
      if (kInputs[i].kind == Kind::label) std::copy(inputs[i].begin(), inputs[i].end(), tensor.data<std::int64_t>());
      else std::copy(inputs[i].begin(), inputs[i].end(), tensor.data<float>());
    }
    request_.infer();
    const ov::Tensor output = request_.get_output_tensor(0);
    return {output.data<float>(), output.data<float>() + output.get_size()};
  }

 private:
  ov::InferRequest request_;
};

}  // namespace edgegan
