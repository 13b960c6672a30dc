// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspect/http/http2_peer.hpp"

namespace tidegate::inspect::test {
namespace {

std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return text;
}

std::uint8_t* bytes(const std::string& text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); }

}  // namespace

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  return big_endian(static_cast<std::uint32_t>(payload.size()), 3) + static_cast<char>(type) +
         static_cast<char>(flags) + big_endian(stream, 4) + std::string(payload);
}

std::string go_away(std::uint32_t last) { return frame(7, 0, 0, big_endian(last, 4) + big_endian(0, 4)); }

Http2Peer::Http2Peer() {
  nghttp2_hd_deflater* deflater = nullptr;
  nghttp2_hd_deflate_new(&deflater, 4096);
  deflater_.reset(deflater);
}

std::string Http2Peer::block(const Fields& fields) {
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields) {
    list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  std::string out(nghttp2_hd_deflate_bound(deflater_.get(), list.data(), list.size()), '\0');
  const ssize_t size = nghttp2_hd_deflate_hd(deflater_.get(), bytes(out), out.size(), list.data(), list.size());
  out.resize(static_cast<std::size_t>(size));
  return out;
}

void Http2Peer::change_table_size(std::size_t size) { nghttp2_hd_deflate_change_table_size(deflater_.get(), size); }

}  // namespace tidegate::inspect::test
