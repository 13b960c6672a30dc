// SPDX-License-Identifier: Apache-2.0
// What identities are called since the key of their hashes was replaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidegate::behavior {

// Requests that were under way when the key was replaced, and those of a worker that learnt of it a moment later, come
// with the hash of before when what is known of their sender has its new name already. Remembers the last that moved,
// at most kPlaces of them; the state of one that is forgotten here begins anew for such a request, and for it alone.
class Aliases {
 public:
  static constexpr std::size_t kPlaces = 8192;

  // Both are keyed hashes. What was called `before` is called `now`.
  void note(std::uint64_t before, std::uint64_t now) {
    if (places_.empty()) places_.resize(kPlaces);
    places_[before % kPlaces] = {before, now};
  }
  // The present name, or `hash` itself.
  std::uint64_t follow(std::uint64_t hash) const {
    if (places_.empty()) return hash;
    const Place& place = places_[hash % kPlaces];
    return place.before == hash ? place.now : hash;
  }
  void clear() { places_.clear(); }
  std::size_t bytes() const { return places_.capacity() * sizeof(Place); }

 private:
  struct Place {
    std::uint64_t before = 0;
    std::uint64_t now = 0;
  };
  std::vector<Place> places_;
};

}  // namespace tidegate::behavior
