// The numbers that NumPy's default_rng([seed, index]) draws: SeedSequence, PCG64 (O'Neill 2014), the ziggurat of 256
// layers (Marsaglia and Tsang 2000). As float they are those of Python.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace edgegan {

class SeedSequence {
 public:
  explicit SeedSequence(std::vector<std::uint64_t> entropy, std::vector<std::uint32_t> spawn_key = {})
      : entropy_(std::move(entropy)), spawn_key_(std::move(spawn_key)) {
    std::vector<std::uint32_t> words;
    for (std::uint64_t value : entropy_) {
      words.push_back(static_cast<std::uint32_t>(value));
      if (value >> 32) words.push_back(static_cast<std::uint32_t>(value >> 32));
    }
    if (!spawn_key_.empty()) {
      while (words.size() < pool_.size()) words.push_back(0);
      words.insert(words.end(), spawn_key_.begin(), spawn_key_.end());
    }
    mix_in(words);
  }

  SeedSequence spawn() {
    std::vector<std::uint32_t> key = spawn_key_;
    key.push_back(spawned_++);
    return SeedSequence(entropy_, key);
  }

  std::array<std::uint64_t, 4> state() const {
    std::uint32_t constant = 0x8b51f9dd;
    std::array<std::uint64_t, 4> words{};
    for (std::size_t i = 0; i < 8; i++) {
      std::uint32_t word = pool_[i % pool_.size()] ^ constant;
      constant *= 0x58f38ded;
      word *= constant;
      word ^= word >> 16;
      words[i / 2] |= static_cast<std::uint64_t>(word) << (32 * (i % 2));
    }
    return words;
  }

 private:
  void mix_in(const std::vector<std::uint32_t>& words) {
    std::uint32_t constant = 0x43b0d7e5;
    auto hash = [&](std::uint32_t value) {
      value ^= constant;
      constant *= 0x931e8875;
      value *= constant;
      return value ^ value >> 16;
    };
    auto mix = [](std::uint32_t x, std::uint32_t y) {
      std::uint32_t word = 0xca01f9dd * x - 0x4973f715 * y;
      return word ^ word >> 16;
    };
    for (std::size_t i = 0; i < pool_.size(); i++) pool_[i] = hash(i < words.size() ? words[i] : 0);
    for (std::size_t from = 0; from < pool_.size(); from++)
      for (std::size_t to = 0; to < pool_.size(); to++)
        if (from != to) pool_[to] = mix(pool_[to], hash(pool_[from]));
    for (std::size_t i = pool_.size(); i < words.size(); i++)
      for (auto& kept : pool_) kept = mix(kept, hash(words[i]));
  }

  std::vector<std::uint64_t> entropy_;
  std::vector<std::uint32_t> spawn_key_;
  std::array<std::uint32_t, 4> pool_{};
  std::uint32_t spawned_ = 0;
};

class Random {
 public:
  explicit Random(SeedSequence sequence) : sequence_(std::move(sequence)) {
    const auto words = sequence_.state();
    increment_ = (wide(words[2], words[3]) << 1) | 1;
    step();
    value_ += wide(words[0], words[1]);
    step();
  }

  Random spawn() { return Random(sequence_.spawn()); }

  std::uint64_t bits64() {
    step();
    const std::uint64_t folded = static_cast<std::uint64_t>(value_ >> 64) ^ static_cast<std::uint64_t>(value_);
    const unsigned turn = static_cast<unsigned>(value_ >> 122);
    return folded >> turn | folded << ((64 - turn) & 63);
  }

  std::uint32_t bits32() {
    if (half_) {
      const std::uint32_t kept = *half_;
      half_.reset();
      return kept;
    }
    const std::uint64_t drawn = bits64();
    half_ = static_cast<std::uint32_t>(drawn >> 32);
    return static_cast<std::uint32_t>(drawn);
  }

  double uniform() { return static_cast<double>(bits64() >> 11) * 0x1p-53; }

  double normal() {
    const Tables& tables = Tables::get();
    for (;;) {
      const std::uint64_t drawn = bits64();
      const std::size_t layer = drawn & 255;
      const std::uint64_t distance = drawn >> 9 & ((std::uint64_t{1} << 52) - 1);
      double value = static_cast<double>(distance) * tables.width[layer];
      if (drawn >> 8 & 1) value = -value;
      if (static_cast<double>(distance) < tables.inner[layer]) return value;
      if (layer == 0) {
        for (;;) {
          const double x = -std::log1p(-uniform()) / kTail, y = -std::log1p(-uniform());
          if (y + y > x * x) return distance >> 8 & 1 ? -(kTail + x) : kTail + x;
        }
      }
      const double low = tables.height[layer], high = tables.height[layer - 1];
      if ((high - low) * uniform() + low < std::exp(-0.5 * value * value)) return value;
    }
  }

  // A whole number from 0 to below count (Lemire 2019).
  std::uint32_t below(std::uint32_t count) {
    if (count == 1) return 0;
    std::uint64_t product = static_cast<std::uint64_t>(bits32()) * count;
    if (static_cast<std::uint32_t>(product) < count) {
      const std::uint32_t least = (0xffffffffu - (count - 1)) % count;
      while (static_cast<std::uint32_t>(product) < least) product = static_cast<std::uint64_t>(bits32()) * count;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  using Wide = unsigned __int128;
  static constexpr double kTail = 3.6541528853610087963519472518;

  struct Tables {
    std::array<double, 256> inner{}, width{}, height{};

    static const Tables& get() {
      static const Tables tables;
      return tables;
    }

    Tables() {
      const double area = 0.0049286732339746519, unit = 0x1p52;
      double edge = kTail;
      width[255] = edge / unit;
      height[255] = std::exp(-0.5 * edge * edge);
      inner[0] = std::floor(edge * height[255] / area * unit);
      width[0] = area / height[255] / unit;
      height[0] = 1;
      for (int i = 254; i > 0; i--) {
        const double next = std::sqrt(-2 * std::log(area / edge + height[i + 1]));
        inner[i + 1] = std::floor(next / edge * unit);
        width[i] = next / unit;
        height[i] = std::exp(-0.5 * next * next);
        edge = next;
      }
    }
  };

  static Wide wide(std::uint64_t high, std::uint64_t low) { return static_cast<Wide>(high) << 64 | low; }

  void step() { value_ = value_ * wide(0x2360ed051fc65da4, 0x4385df649fccf645) + increment_; }

  SeedSequence sequence_;
  Wide value_ = 0, increment_ = 0;
  std::optional<std::uint32_t> half_;
};

}  // namespace edgegan
