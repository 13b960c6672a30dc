// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame: no read out of bounds, and a result that later stages may rely on.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/bpf_unit/stage.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto exact = std::make_unique<unsigned char[]>(size);
  std::memcpy(exact.get(), data, size);
  tg_packet p{};
  const unsigned reason = tg_parse(exact.get(), exact.get() + size, &p);
  require(reason < TG_REASON_COUNT);
  if (reason != TG_REASON_PASSED) return 0;
  const bool v4 = (p.flags & TG_PACKET_V4) != 0;
  require(p.length >= (v4 ? 20U : 40U));
  require(v4 == (p.source.hi == 0 && p.source.lo >> 32 == 0xffff));
  require(p.malformed == 0 || tg_reason_drops(p.malformed));
  require((p.flags & TG_PACKET_HAS_PORT) == 0 || (p.flags & TG_PACKET_NON_FIRST) == 0);
  return 0;
}
