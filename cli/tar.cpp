// SPDX-License-Identifier: Apache-2.0
#include "cli/tar.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace tidegate::cli {
namespace {

constexpr std::size_t kBlock = 512;

struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUser{108, 8};
constexpr Field kGroup{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kModified{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kMagic{257, 8};

using Header = std::array<char, kBlock>;

void put(Header& header, const Field& field, const std::string& text) {
  std::memcpy(header.data() + field.offset, text.data(), std::min(text.size(), field.size));
}

void put_octal(Header& header, const Field& field, std::uint64_t value) {
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), "%0*llo", static_cast<int>(field.size) - 1,
                static_cast<unsigned long long>(value));
  put(header, field, digits.data());
}

// File names of the agent: only what every tar keeps inside the folder.
std::string safe_name(const std::string& name) {
  std::string safe;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    safe += plain ? c : '_';
  }
  return safe;
}

std::string entry(const std::string& name, const std::string& text, std::int64_t modified) {
  Header header{};
  put(header, kName, name.substr(0, kName.size - 1));
  put_octal(header, kMode, 0600);
  put_octal(header, kUser, 0);
  put_octal(header, kGroup, 0);
  put_octal(header, kSize, text.size());
  put_octal(header, kModified, static_cast<std::uint64_t>(std::max<std::int64_t>(0, modified)));
  put(header, kType, "0");
  put(header, kMagic,
      std::string("ustar\0"
                  "00",
                  8));
  put(header, kChecksum, std::string(kChecksum.size, ' '));
  const unsigned sum = std::accumulate(header.begin(), header.end(), 0U,
                                       [](unsigned total, char c) { return total + static_cast<unsigned char>(c); });
  put_octal(header, {kChecksum.offset, 7}, sum);
  header[kChecksum.offset + 6] = '\0';
  std::string result(header.data(), header.size());
  result += text;
  result.append((kBlock - text.size() % kBlock) % kBlock, '\0');
  return result;
}

}  // namespace

std::string make_tar(const std::string& folder, const std::map<std::string, std::string>& files,
                     std::int64_t modified) {
  std::string archive;
  for (const auto& [name, text] : files) archive += entry(folder + "/" + safe_name(name), text, modified);
  archive.append(2 * kBlock, '\0');
  return archive;
}

}  // namespace tidegate::cli
