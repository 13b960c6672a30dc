// SPDX-License-Identifier: Apache-2.0
// Writes HTTP/2 frames, with header blocks by nghttp2's deflater.
#pragma once

#include <nghttp2/nghttp2.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::inspect::test {

inline const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::uint8_t kFin = 0x1;      // END_STREAM
inline constexpr std::uint8_t kHeadEnd = 0x4;  // END_HEADERS
inline constexpr std::uint8_t kPad = 0x8;
inline constexpr std::uint8_t kPrio = 0x20;

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload);
inline std::string settings() { return frame(4, 0, 0, {}); }
inline std::string settings_ack() { return frame(4, 1, 0, {}); }
inline std::string data(std::uint32_t stream, std::string_view bytes, std::uint8_t flags = 0) {
  return frame(0, flags, stream, bytes);
}
inline std::string rst(std::uint32_t stream) { return frame(3, 0, stream, std::string("\0\0\0\x8", 4)); }
std::string go_away(std::uint32_t last);

using Fields = std::vector<std::pair<std::string, std::string>>;

// One side of a connection: its header table.
class Http2Peer {
 public:
  Http2Peer();
  std::string block(const Fields& fields);
  std::string headers(std::uint32_t stream, const Fields& fields, std::uint8_t flags = kHeadEnd) {
    return frame(1, flags, stream, block(fields));
  }
  void change_table_size(std::size_t size);

 private:
  struct Deleter {
    void operator()(nghttp2_hd_deflater* deflater) const { nghttp2_hd_deflate_del(deflater); }
  };
  std::unique_ptr<nghttp2_hd_deflater, Deleter> deflater_;
};

inline Fields request(std::string path, std::string method = "GET") {
  return {{":method", std::move(method)},
          {":scheme", "https"},
          {":authority", "h.example"},
          {":path", std::move(path)},
          {"user-agent", "test/2"}};
}
inline Fields response(int status) { return {{":status", std::to_string(status)}, {"server", "test"}}; }

}  // namespace tidegate::inspect::test
