// ONNX Runtime: reads .onnx.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <string>
#include <vector>

#include "manifest.hpp"

namespace edgegan {

class Session {
 public:
  explicit Session(const std::string& path) : session_(environment_, path.c_str(), Ort::SessionOptions{}) {
    Ort::AllocatorWithDefaultOptions allocator;
    output_ = session_.GetOutputNameAllocated(0, allocator).get();
  }

  std::vector<float> run(const std::vector<std::vector<float>>& inputs) {
    const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<Ort::Value> values;
    std::vector<const char*> names;
    std::vector<std::vector<std::int64_t>> classes(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); i++) {
      std::vector<std::int64_t> shape = {static_cast<std::int64_t>(kBatch)};
      for (std::size_t side = 0; side < kInputs[i].rank; side++) shape.push_back(static_cast<std::int64_t>(kInputs[i].shape[side]));
      names.push_back(kInputs[i].name);
      if (kInputs[i].kind == Kind::label) {
        classes[i].assign(inputs[i].begin(), inputs[i].end());
        values.push_back(Ort::Value::CreateTensor<std::int64_t>(memory, classes[i].data(), classes[i].size(), shape.data(), shape.size()));
      } else {
        values.push_back(Ort::Value::CreateTensor<float>(memory, const_cast<float*>(inputs[i].data()), inputs[i].size(), shape.data(), shape.size()));
      }
    }
    const char* outputs[] = {output_.c_str()};
    const auto results = session_.Run(Ort::RunOptions{nullptr}, names.data(), values.data(), values.size(), outputs, 1);
    const float* data = results[0].GetTensorData<float>();
    return {data, data + results[0].GetTensorTypeAndShapeInfo().GetElementCount()};
  }

 private:
  Ort::Env environment_{ORT_LOGGING_LEVEL_WARNING, "edgegan"};
  Ort::Session session_;
  std::string output_;
};

}  // namespace edgegan
