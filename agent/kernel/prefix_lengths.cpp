// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/prefix_lengths.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {
namespace {

template <typename Family>
std::size_t distinct(const Family& family) {
  return static_cast<std::size_t>(std::ranges::count_if(family, [](std::uint32_t count) { return count != 0; }));
}

// A family's lengths, longest first, with those of `sticky` in any case.
template <typename Family>
std::uint16_t list(const Family& family, std::span<const __u8> sticky, __u8 (&out)[TG_PREFIX_LENGTHS]) {
  std::uint16_t count = 0;
  for (int length = 128; length >= 0 && count < TG_PREFIX_LENGTHS; --length) {
    const bool adopted = std::ranges::find(sticky, static_cast<__u8>(length)) != sticky.end();
    if (family[length] != 0 || adopted) out[count++] = static_cast<__u8>(length);
  }
  return count;
}

}  // namespace

bool operator==(const tg_lengths& a, const tg_lengths& b) {
  return a.count4 == b.count4 && a.count6 == b.count6 && std::equal(a.v4, a.v4 + a.count4, b.v4) &&
         std::equal(a.v6, a.v6 + a.count6, b.v6);
}

bool LengthCounts::has_room_for(bool is_v4, std::uint8_t length) const {
  const Family& family = is_v4 ? v4_ : v6_;
  if (family[length] != 0) return true;
  std::size_t in_use = distinct(family);
  if (!is_v4 && unknown_ != 0) {
    const auto present = listed();
    if (std::find(present.v6, present.v6 + present.count6, length) != present.v6 + present.count6) return true;
    in_use = present.count6;
  }
  return in_use < TG_PREFIX_LENGTHS;
}

void LengthCounts::add(bool is_v4, std::uint8_t length) {
  if (length == kUnknown) {
    ++unknown_;
  } else {
    ++(is_v4 ? v4_ : v6_)[length];
  }
}

void LengthCounts::remove(bool is_v4, std::uint8_t length) {
  if (length == kUnknown) {
    --unknown_;
  } else {
    --(is_v4 ? v4_ : v6_)[length];
  }
}

tg_lengths LengthCounts::listed() const {
  tg_lengths lengths{};
  lengths.count4 = list(v4_, {}, lengths.v4);
  const std::span<const __u8> sticky(adopted_.v6, unknown_ != 0 ? adopted_.count6 : 0);
  lengths.count6 = list(v6_, sticky, lengths.v6);
  return lengths;
}

void LengthPublisher::publish(const tg_lengths& lengths) {
  if (lengths == current()) return;
  if (old_half_read_) wait_for_readers_();
  const std::uint32_t next = (which_ & 1) ^ 1;
  std::memcpy(&lists_[next], &lengths, sizeof lengths);
  store(which_, next);
  old_half_read_ = true;
}

}  // namespace tidegate::kernel
