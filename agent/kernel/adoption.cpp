// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/adoption.hpp"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <cstring>
#include <memory>
#include <vector>

#include "agent/kernel/handshakes.hpp"
#include "agent/kernel/proven.hpp"
#include "bpf/abi/config.h"

namespace tidegate::kernel {
namespace {

constexpr std::string_view kIdentity = "identity";

bool is_link(std::string_view pin) { return pin == kHandshakePin || interface_of_link_pin(pin).has_value(); }

std::unexpected<Error> foreign(const PinDirectory& pins, std::string_view name) {
  return fail(
      ErrorCode::kFailedPrecondition,
      fmt::format("pin directory {} holds \"{}\", which is not Tidegate's: give tidegated a pin_dir of its own, or "
                  "remove that pin if nothing uses it",
                  pins.path().string(), name));
}

Inspection outdated(std::string why) { return {.state = PinnedMaps::kOutdated, .maps = {}, .why = std::move(why)}; }

// The pinned identity; only `magic` and `abi_version` can be relied upon, whatever the version.
Result<tg_identity> read_identity(const PinDirectory& pins) {
  const UniqueFd fd = pins.get(kIdentity);
  if (!fd) return foreign(pins, kIdentity);
  const auto shape = shape_of(fd.get(), kIdentity);
  if (!shape || shape->type != BPF_MAP_TYPE_ARRAY || shape->value_size < sizeof(__u64) + sizeof(__u32)) {
    return foreign(pins, kIdentity);
  }
  std::vector<std::byte> value(std::max<std::size_t>(shape->value_size + 7, sizeof(tg_identity)));
  MapSet map;
  map.add(std::string(kIdentity), pins.get(kIdentity));
  TIDEGATE_TRY(map.read(kIdentity, 0, value.data()));
  tg_identity identity;
  std::memcpy(&identity, value.data(), sizeof identity);
  if (identity.magic != TG_IDENTITY_MAGIC) return foreign(pins, kIdentity);
  return identity;
}

// Without an identity: what an agent left that died while pinning, or someone else's directory.
Result<Inspection> inspect_without_identity(const PinDirectory& pins, const MapShapes& expected) {
  bool any = false;
  for (const auto& name : pins.names()) {
    if (is_link(name)) continue;
    if (!expected.contains(name)) return foreign(pins, name);
    any = true;
  }
  if (any) return outdated("the pinned maps are incomplete");
  return Inspection{};
}

Status pin_with(const MapSet& maps, const std::function<Status(int, std::string_view)>& pin) {
  for (const auto& [name, fd] : maps) {
    if (name != kIdentity) TIDEGATE_TRY(pin(fd.get(), name));
  }
  return pin(maps.fd(kIdentity), kIdentity);
}

// A policy that limits nothing and drops nothing, for both halves.
Status write_neutral_policy(const MapSet& maps) {
  tg_host host{};
  host.source_mask_v4 = ~0ULL;
  host.source_mask_v6 = {.hi = ~0ULL, .lo = 0};
  host.default_service = TG_SERVICE_NONE;
  auto ranges = std::make_unique<tg_service_table>();
  std::fill(std::begin(ranges->service), std::end(ranges->service), std::uint16_t{TG_SERVICE_NONE});
  std::fill(std::begin(ranges->first) + 1, std::end(ranges->first), std::uint16_t{1});
  for (const std::uint32_t half : {0U, 1U}) {
    TIDEGATE_TRY(maps.write("host", half, &host));
    TIDEGATE_TRY(maps.write("ranges", half, ranges.get()));
  }
  return {};
}

}  // namespace

Result<Inspection> inspect_pins(const PinDirectory& pins, const MapShapes& expected, const Geometry& geometry) {
  if (!pins.has(kIdentity)) return inspect_without_identity(pins, expected);
  TIDEGATE_ASSIGN(const tg_identity identity, read_identity(pins));
  if (identity.abi_version != TG_ABI_VERSION) {
    return outdated(
        fmt::format("the pinned maps have ABI {}, this agent has {}", identity.abi_version, TG_ABI_VERSION));
  }
  Inspection inspection{.state = PinnedMaps::kAdoptable, .maps = {}, .why = {}};
  for (const auto& [name, shape] : expected) {
    UniqueFd fd = pins.get(name);
    if (!fd) return outdated(fmt::format("pinned map {} is missing", name));
    const auto present = shape_of(fd.get(), name);
    if (!present || *present != shape) return outdated(fmt::format("pinned map {} has another size", name));
    inspection.maps.add(name, std::move(fd));
  }
  if (geometry_of(identity) != geometry) return outdated("the pinned maps record other sizes");
  return inspection;
}

Status initialise(const MapSet& maps, const Geometry& geometry) {
  TIDEGATE_ASSIGN(const tg_identity identity, make_identity(geometry));
  TIDEGATE_TRY(write_neutral_policy(maps));
  tg_control control{};
  control.proven_lines = Proven::kFewestLines;  // before the first handshake is noted by another width
  TIDEGATE_TRY(maps.write("control", 0, &control));
  return maps.write(kIdentity, 0, &identity);
}

Status pin_maps(const PinDirectory& pins, const MapSet& maps) {
  return pin_with(maps, [&](int fd, std::string_view name) { return pins.pin(fd, name); });
}

Status stage_maps(const PinDirectory& pins, const MapSet& maps) {
  TIDEGATE_TRY(pins.make_staging());
  return pin_with(maps, [&](int fd, std::string_view name) { return pins.pin_staged(fd, name); });
}

Status promote_maps(const PinDirectory& pins, const MapSet& maps) {
  unpin_maps(pins);
  TIDEGATE_TRY(pin_with(maps, [&](int, std::string_view name) { return pins.promote(name); }));
  pins.remove_staging();
  return {};
}

void unpin_maps(const PinDirectory& pins) {
  pins.unpin(kIdentity);
  for (const auto& name : pins.names()) {
    if (!is_link(name)) pins.unpin(name);
  }
}

}  // namespace tidegate::kernel
