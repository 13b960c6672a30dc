// SPDX-License-Identifier: Apache-2.0
// Whether what is pinned can be taken over, and what a fresh set of maps holds. Never half of each.
#pragma once

#include <string>

#include "agent/kernel/geometry.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/pins.hpp"

namespace tidegate::kernel {

enum class PinnedMaps {
  kNone,       // nothing of ours
  kAdoptable,  // all of them, with this ABI and these sizes
  kOutdated,   // ours, but of another ABI or size, or incomplete: to be replaced as a whole
};

struct Inspection {
  PinnedMaps state = PinnedMaps::kNone;
  MapSet maps;      // when adoptable
  std::string why;  // when outdated
};

// kFailedPrecondition: the directory holds pins that are not Tidegate's.
Result<Inspection> inspect_pins(const PinDirectory& pins, const MapShapes& expected, const Geometry& geometry);

// Writes identity, secrets and a policy that limits nothing into new maps.
Status initialise(const MapSet& maps, const Geometry& geometry);

// Pins a new set; `identity` last, so that what has one is complete.
Status pin_maps(const PinDirectory& pins, const MapSet& maps);

// Likewise beside the pins of an outdated set, which stay.
Status stage_maps(const PinDirectory& pins, const MapSet& maps);

// Removes the outdated maps' pins, `identity` first, and puts the staged ones in their place.
Status promote_maps(const PinDirectory& pins, const MapSet& maps);

// Takes every map's pin away, known or not, and leaves links alone.
void unpin_maps(const PinDirectory& pins);

}  // namespace tidegate::kernel
