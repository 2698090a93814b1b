// A compressed generator in C++17: the interface of edgegan.runtime over one artifact, described by manifest.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "manifest.hpp"
#include "random.hpp"
#include "session.hpp"

namespace edgegan {

// 8 bits a channel, rows from the top, channels last.
struct Image {
  std::size_t height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};

class Generator {
 public:
  explicit Generator(const std::string& path) : session_(path) {}

  // Values of every input for kBatch samples, in the order of kInputs, as float32; classes are whole numbers.
  std::vector<float> run(const std::vector<std::vector<float>>& inputs) {
    if (inputs.size() != std::size(kInputs)) throw std::invalid_argument("give values for every input");
    for (std::size_t i = 0; i < inputs.size(); i++)
      if (inputs[i].size() != kBatch * kInputs[i].size()) throw std::invalid_argument(std::string(kInputs[i].name) + ": wrong number of values");
    return session_.run(inputs);
  }

  // Pictures, the same for a seed as Python's.
  std::vector<Image> sample(std::size_t count, std::uint64_t seed) {
    std::vector<std::vector<float>> values;
    for (std::size_t i = 0; i < std::size(kInputs); i++) values.push_back(drawn(kInputs[i], count, seed, i));
    return pictures(values, count);
  }

  // A picture of the artifact's input size in, one of its output size out.
  Image translate(const Image& image, std::uint64_t seed = 0) {
    std::vector<std::vector<float>> values;
    bool takes_picture = false;
    for (std::size_t i = 0; i < std::size(kInputs); i++) {
      const bool is_picture = kInputs[i].kind == Kind::image && !takes_picture;
      values.push_back(is_picture ? to_float(image, kInputs[i]) : drawn(kInputs[i], 1, seed, i));
      takes_picture |= is_picture;
    }
    if (!takes_picture) throw std::invalid_argument("this generator takes no picture; call sample");
    return pictures(values, 1).front();
  }

 private:
  std::vector<Image> pictures(const std::vector<std::vector<float>>& values, std::size_t count) {
    std::vector<Image> images;
    for (std::size_t start = 0; start < count; start += kBatch) {
      std::vector<std::vector<float>> part(values.size());
      for (std::size_t i = 0; i < values.size(); i++)
        for (std::size_t row = 0; row < kBatch; row++) {
          const auto from = values[i].begin() + std::min(start + row, count - 1) * kInputs[i].size();
          part[i].insert(part[i].end(), from, from + kInputs[i].size());
        }
      const std::vector<float> given = run(part);
      const std::size_t size = given.size() / kBatch;
      for (std::size_t row = 0; row < std::min(kBatch, count - start); row++) images.push_back(to_image(given.data() + row * size));
    }
    return images;
  }

  static std::vector<float> drawn(const Input& input, std::size_t count, std::uint64_t seed, std::size_t index) {
    Random random(SeedSequence({seed, index}));
    std::vector<float> values(count * input.size());
    if (input.kind == Kind::latent && input.truncation > 0) return truncated(random, values.size(), input.truncation);
    if (input.kind == Kind::latent) {
      for (float& value : values) value = static_cast<float>(random.normal());
      return values;
    }
    if (input.kind == Kind::image) throw std::invalid_argument(std::string(input.name) + " is a picture: call translate");
    for (std::size_t sample = 0; sample < count; sample++) {
      const std::uint32_t own = random.below(static_cast<std::uint32_t>(input.classes));
      if (input.kind == Kind::label) values[sample] = static_cast<float>(own);
      else values[sample * input.classes + own] = 1;
    }
    return values;
  }

  // Normal values within +-limit, drawn again beyond; every round draws the whole array from streams of its own.
  static std::vector<float> truncated(Random& random, std::size_t size, double limit) {
    std::vector<float> values(size);
    std::vector<bool> missing(size, true);
    for (std::size_t left = size; left > 0;) {
      Random proposals = random.spawn(), chances = random.spawn();
      for (std::size_t i = 0; i < size; i++) {
        const double proposed = limit < 1 ? -limit + 2 * limit * proposals.uniform() : proposals.normal();
        const bool accepted = limit < 1 ? chances.uniform() < std::exp(-proposed * proposed / 2) : std::abs(proposed) <= limit;
        if (!missing[i] || !accepted) continue;
        values[i] = static_cast<float>(proposed);
        missing[i] = false;
        left--;
      }
    }
    return values;
  }

  static std::vector<float> to_float(const Image& image, const Input& input) {
    if (image.channels != input.shape[0] || image.height != input.shape[1] || image.width != input.shape[2])
      throw std::invalid_argument("the picture does not have the size that this generator takes");
    const std::size_t places = image.height * image.width;
    const float scale = static_cast<float>((input.high - input.low) / 255);
    std::vector<float> values(places * image.channels);
    for (std::size_t place = 0; place < places; place++)
      for (std::size_t channel = 0; channel < image.channels; channel++)
        values[channel * places + place] = image.pixels[place * image.channels + channel] * scale + static_cast<float>(input.low);
    return values;
  }

  static Image to_image(const float* values) {
    Image image{kOutput.height, kOutput.width, kOutput.channels, {}};
    const std::size_t places = image.height * image.width;
    const float scale = static_cast<float>(255 / (kOutput.high - kOutput.low));
    image.pixels.resize(places * image.channels);
    for (std::size_t place = 0; place < places; place++)
      for (std::size_t channel = 0; channel < image.channels; channel++) {
        const float value = (values[channel * places + place] - static_cast<float>(kOutput.low)) * scale;
        image.pixels[place * image.channels + channel] = static_cast<std::uint8_t>(std::nearbyint(std::clamp(value, 0.0f, 255.0f)));
      }
    return image;
  }

  Session session_;
};

}  // namespace edgegan
