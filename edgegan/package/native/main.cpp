// An example: generate ARTIFACT COUNT SEED writes 0000.ppm and so on; generate ARTIFACT PICTURE.ppm OUT.ppm translates.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>

#include "generator.hpp"

static void write(const std::string& path, const edgegan::Image& image) {
  std::ofstream file(path, std::ios::binary);
  file << (image.channels == 1 ? "P5 " : "P6 ") << image.width << " " << image.height << " 255\n";
  file.write(reinterpret_cast<const char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
}

static edgegan::Image read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  std::size_t most = 0;
  edgegan::Image image;
  file >> kind >> image.width >> image.height >> most;
  file.get();
  if (!file || (kind != "P5" && kind != "P6") || most != 255) throw std::runtime_error(path + " is no PGM or PPM of 8 bits");
  image.channels = kind == "P5" ? 1 : 3;
  image.pixels.resize(image.width * image.height * image.channels);
  file.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
  return image;
}

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "generate ARTIFACT COUNT SEED, or generate ARTIFACT PICTURE.ppm OUT.ppm\n";
    return 2;
  }
  try {
    edgegan::Generator generator(arguments[1]);
    const std::string first = arguments[2];
    if (first.find('.') != std::string::npos) {
      write(arguments[3], generator.translate(read(first)));
      return 0;
    }
    std::size_t index = 0;
    for (const auto& image : generator.sample(std::stoul(first), std::stoull(arguments[3]))) {
      char name[32];
      std::snprintf(name, sizeof name, "%04zu.ppm", index++);
      write(name, image);
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
