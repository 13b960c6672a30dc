// SPDX-License-Identifier: Apache-2.0
// Path templates of example requests, in bounded space.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/behavior/keyed_hash.hpp"

namespace tidegate::behavior {

// Keeps what was put last into each of kPlaces places; what another template has overwritten is forgotten.
class TemplateStore {
 public:
  static constexpr std::size_t kPlaces = 4096;
  static constexpr std::size_t kLongest = 128;

  // A mark by which the template is found again: its place, and bits of its hash.
  std::uint32_t put(const HashSeed& seed, std::string_view text) {
    text = text.substr(0, kLongest);
    const auto mark = static_cast<std::uint32_t>(keyed_hash(seed, text));
    std::string& slot = places_[mark % kPlaces].text;
    if (places_[mark % kPlaces].mark != mark || slot.empty()) {
      places_[mark % kPlaces].mark = mark;
      texts_ -= heap_of(slot);
      slot.assign(text);
      texts_ += heap_of(slot);
    }
    return mark;
  }

  // Places and longer texts, without what the allocator adds.
  std::size_t bytes() const { return kPlaces * sizeof(Place) + texts_; }

  // "": forgotten.
  std::string_view get(std::uint32_t mark) const {
    const Place& place = places_[mark % kPlaces];
    return place.mark == mark ? std::string_view(place.text) : std::string_view{};
  }

 private:
  struct Place {
    std::uint32_t mark = 0;
    std::string text;
  };
  static std::size_t heap_of(const std::string& text) {
    return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
  }

  std::vector<Place> places_{kPlaces};
  std::size_t texts_ = 0;
};

}  // namespace tidegate::behavior
