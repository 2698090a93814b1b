// LiteRT's runtime through its C interface (libLiteRt, interface 1.0): reads .tflite, runs on XNNPACK.
//
// The functions are declared here, so that no header is needed beside the library, which comes with the Python package
// ai-edge-litert and with LiteRT's releases.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "manifest.hpp"

extern "C" {
using LiteRtHandle = void*;
int LiteRtCreateEnvironment(int count, const void* options, LiteRtHandle* made);
int LiteRtCreateModelFromFile(LiteRtHandle environment, const char* path, LiteRtHandle* made);
int LiteRtCreateOptions(LiteRtHandle* made);
int LiteRtSetOptionsHardwareAccelerators(LiteRtHandle options, int accelerators);
int LiteRtCreateOpaqueOptions(const char* identifier, void* payload, void (*forget)(void*), LiteRtHandle* made);
int LiteRtAddOpaqueOptions(LiteRtHandle options, LiteRtHandle further);
int LiteRtCreateCompiledModel(LiteRtHandle environment, LiteRtHandle model, LiteRtHandle options, LiteRtHandle* made);
int LiteRtGetModelSignature(LiteRtHandle model, std::size_t index, LiteRtHandle* signature);
int LiteRtGetNumSignatureInputs(LiteRtHandle signature, std::size_t* count);
int LiteRtGetSignatureInputName(LiteRtHandle signature, std::size_t index, const char** name);
int LiteRtGetSignatureInputTensorByIndex(LiteRtHandle signature, std::size_t index, LiteRtHandle* tensor);
int LiteRtGetSignatureOutputTensorByIndex(LiteRtHandle signature, std::size_t index, LiteRtHandle* tensor);
int LiteRtGetRankedTensorType(LiteRtHandle tensor, void* type);
int LiteRtGetCompiledModelInputBufferRequirements(LiteRtHandle model, std::size_t signature, std::size_t index, LiteRtHandle* needs);
int LiteRtGetCompiledModelOutputBufferRequirements(LiteRtHandle model, std::size_t signature, std::size_t index, LiteRtHandle* needs);
int LiteRtCreateManagedTensorBufferFromRequirements(LiteRtHandle environment, const void* type, LiteRtHandle needs, LiteRtHandle* made);
int LiteRtLockTensorBuffer(LiteRtHandle buffer, void** address, int mode);
int LiteRtUnlockTensorBuffer(LiteRtHandle buffer);
int LiteRtRunCompiledModel(LiteRtHandle model, std::size_t signature, std::size_t inputs, LiteRtHandle* given, std::size_t outputs, LiteRtHandle* room);
void LiteRtDestroyTensorBuffer(LiteRtHandle buffer);
void LiteRtDestroyCompiledModel(LiteRtHandle model);
void LiteRtDestroyOptions(LiteRtHandle options);
void LiteRtDestroyModel(LiteRtHandle model);
void LiteRtDestroyEnvironment(LiteRtHandle environment);
}

namespace edgegan {

class Session {
 public:
  explicit Session(const std::string& path) : threads_("num_threads = " + std::to_string(std::thread::hardware_concurrency()) + "\n") {
    check(LiteRtCreateEnvironment(0, nullptr, &environment_), "environment");
    check(LiteRtCreateModelFromFile(environment_, path.c_str(), &file_), path.c_str());
    check(LiteRtCreateOptions(&options_), "options");
    check(LiteRtSetOptionsHardwareAccelerators(options_, kCpu), "options");
    LiteRtHandle further = nullptr;
    check(LiteRtCreateOpaqueOptions("xnnpack", threads_.data(), [](void*) {}, &further), "options");
    check(LiteRtAddOpaqueOptions(options_, further), "options");
    check(LiteRtCreateCompiledModel(environment_, file_, options_, &model_), "compile");
    LiteRtHandle signature = nullptr;
    check(LiteRtGetModelSignature(file_, 0, &signature), "signature");
    std::size_t count = 0;
    check(LiteRtGetNumSignatureInputs(signature, &count), "inputs");
    for (std::size_t index = 0; index < count; index++) add_input(signature, index);
    LiteRtHandle tensor = nullptr, needs = nullptr;
    Type type;
    check(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &tensor), "output");
    check(LiteRtGetRankedTensorType(tensor, &type), "output");
    check(LiteRtGetCompiledModelOutputBufferRequirements(model_, 0, 0, &needs), "output");
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &output_), "output");
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  ~Session() {
    for (LiteRtHandle buffer : buffers_) LiteRtDestroyTensorBuffer(buffer);
    if (output_) LiteRtDestroyTensorBuffer(output_);
    if (model_) LiteRtDestroyCompiledModel(model_);
    if (options_) LiteRtDestroyOptions(options_);
    if (file_) LiteRtDestroyModel(file_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  std::vector<float> run(const std::vector<std::vector<float>>& inputs) {
    for (std::size_t index = 0; index < buffers_.size(); index++) {
      const std::vector<float>& values = inputs.at(arguments_[index]);
      void* address = nullptr;
      check(LiteRtLockTensorBuffer(buffers_[index], &address, kWrite), "input");
      if (types_[index] == kInt64) std::copy(values.begin(), values.end(), static_cast<std::int64_t*>(address));
      else if (types_[index] == kInt32) std::copy(values.begin(), values.end(), static_cast<std::int32_t*>(address));
      else std::memcpy(address, values.data(), values.size() * sizeof(float));
      check(LiteRtUnlockTensorBuffer(buffers_[index]), "input");
    }
    check(LiteRtRunCompiledModel(model_, 0, buffers_.size(), buffers_.data(), 1, &output_), "run");
    void* address = nullptr;
    check(LiteRtLockTensorBuffer(output_, &address, kRead), "output");
    const float* data = static_cast<const float*>(address);
    std::vector<float> image(data, data + kBatch * kOutput.channels * kOutput.height * kOutput.width);
    check(LiteRtUnlockTensorBuffer(output_), "output");
    return image;
  }

 private:
  static constexpr int kCpu = 1, kRead = 0, kWrite = 1, kInt32 = 2, kInt64 = 4;

  // Longer than LiteRT's description of a tensor, which begins with the kind of its values.
  struct Type {
    std::int32_t kind = 0;
    char rest[508] = {};
  };

  static void check(int status, const char* what) {
    if (status != 0) throw std::runtime_error(std::string("LiteRT failed with status ") + std::to_string(status) + ": " + what);
  }

  // The converter names its inputs args_0, args_1 and leaves out those that nothing reads.
  void add_input(LiteRtHandle signature, std::size_t index) {
    const char* name = nullptr;
    check(LiteRtGetSignatureInputName(signature, index, &name), "input");
    const std::string text = name;
    const std::size_t at = text.rfind("args_");
    arguments_.push_back(at == std::string::npos ? index : std::stoul(text.substr(at + 5)));
    LiteRtHandle tensor = nullptr, needs = nullptr, buffer = nullptr;
    Type type;
    check(LiteRtGetSignatureInputTensorByIndex(signature, index, &tensor), "input");
    check(LiteRtGetRankedTensorType(tensor, &type), "input");
    check(LiteRtGetCompiledModelInputBufferRequirements(model_, 0, index, &needs), "input");
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &buffer), "input");
    types_.push_back(type.kind);
    buffers_.push_back(buffer);
  }

  std::string threads_;
  LiteRtHandle environment_ = nullptr, file_ = nullptr, options_ = nullptr, model_ = nullptr, output_ = nullptr;
  std::vector<LiteRtHandle> buffers_;
  std::vector<std::size_t> arguments_;
  std::vector<int> types_;
};

}  // namespace edgegan
