// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/loader.hpp"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <string>

#include "agent/kernel/libbpf_log.hpp"
#include "bpf/tidegate.skel.h"

namespace tidegate::kernel {
namespace {

constexpr const char* kXdp = "tidegate";
constexpr const char* kXdpFrags = "tidegate_frags";
constexpr const char* kEgress = "tidegate_egress";
constexpr const char* kEstablished = "tidegate_established";

std::unexpected<Error> libbpf_failed(int error, const std::string& what, const LibbpfLog& log) {
  const std::string reason = log.reason();
  return fail_errno(error, reason.empty() ? what : fmt::format("{} ({})", what, reason));
}

// A descriptor that outlives the skeleton.
Result<UniqueFd> duplicate(int fd, const char* name) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno(errno, fmt::format("cannot keep {}", name));
  return copy;
}

// No descriptor for a program that was not loaded.
Result<UniqueFd> program_named(const bpf_object* object, const char* name) {
  const bpf_program* program = bpf_object__find_program_by_name(object, name);
  if (program == nullptr || !bpf_program__autoload(program)) return UniqueFd();
  return duplicate(bpf_program__fd(program), name);
}

}  // namespace

void Loader::Destroy::operator()(tidegate_bpf* skeleton) const { tidegate_bpf__destroy(skeleton); }

Result<Loader> Loader::open(const Features& features, const Geometry& geometry, bool replay) {
  const LibbpfLog log;
  Loader loader{std::unique_ptr<tidegate_bpf, Destroy>{tidegate_bpf__open()}};
  if (!loader.skeleton_) return libbpf_failed(errno, "cannot open the compiled datapath", log);
  TIDEGATE_TRY(loader.choose_programs(features, replay));
  TIDEGATE_TRY(loader.set_sizes(geometry));
  loader.set_switches(features, replay);
  return loader;
}

Status Loader::choose_programs(const Features& features, bool replay) {
  const bool frags = features.has(feature::kXdpFrags);
  const std::pair<const char*, bool> wanted[] = {
      {kXdp, !frags},
      {kXdpFrags, frags},
      {kEgress, !replay && features.has(feature::kTcEgress)},
      {kEstablished, !replay && features.has(feature::kHandshakeTracepoint)},
  };
  for (const auto& [name, load] : wanted) {
    bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, name);
    if (program == nullptr)
      return fail(ErrorCode::kInternal, fmt::format("the compiled datapath has no program {}", name));
    bpf_program__set_autoload(program, load);
  }
  return {};
}

Status Loader::set_sizes(const Geometry& geometry) {
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"keys", geometry.bucket_sets},     {"tats", geometry.bucket_sets},
      {"blocks", geometry.block_buckets}, {"block_filter", geometry.block_filter_lines},
      {"flows", geometry.flow_sets},
  };
  for (const auto& [name, entries] : sizes) {
    bpf_map* map = bpf_object__find_map_by_name(skeleton_->obj, name);
    if (map == nullptr || bpf_map__set_max_entries(map, entries) != 0) {
      return fail(ErrorCode::kInternal, fmt::format("the compiled datapath has no map {} to size", name));
    }
  }
  return {};
}

void Loader::set_switches(const Features& features, bool replay) {
  skeleton_->rodata->tg_replay = replay;
  skeleton_->rodata->tg_use_socket_lookup = !replay && features.has(feature::kSocketLookup);
  skeleton_->rodata->tg_use_buff_len = features.has(feature::kPacketLength);
}

MapShapes Loader::shapes() const {
  MapShapes shapes;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (bpf_map__is_internal(map)) continue;
    shapes[bpf_map__name(map)] = {.type = static_cast<std::uint32_t>(bpf_map__type(map)),
                                  .key_size = bpf_map__key_size(map),
                                  .value_size = bpf_map__value_size(map),
                                  .max_entries = bpf_map__max_entries(map),
                                  .flags = bpf_map__map_flags(map)};
  }
  return shapes;
}

Status Loader::reuse(const MapSet& adopted) {
  for (const auto& [name, fd] : adopted) {
    bpf_map* map = bpf_object__find_map_by_name(skeleton_->obj, name.c_str());
    const int error = map == nullptr ? -ENOENT : bpf_map__reuse_fd(map, fd.get());
    if (error != 0) return fail_errno(-error, fmt::format("cannot adopt pinned map {}", name));
  }
  return {};
}

Result<Loaded> Loader::load(const MapSet* adopted) && {
  const LibbpfLog log;
  if (adopted != nullptr) TIDEGATE_TRY(reuse(*adopted));
  const int error = tidegate_bpf__load(skeleton_.get());
  if (error == 0) return take_descriptors();
  if (-error == EPERM) {
    return libbpf_failed(EPERM,
                         "the kernel refuses to load the datapath: run tidegated in the initial user namespace, "
                         "outside containers that forbid bpf(2)",
                         log);
  }
  auto failed = libbpf_failed(-error, "cannot load the datapath into this kernel", log);
  failed.error().message += "; Linux 6.1 or later with BPF is needed (docs/dependency-support.md)";
  return failed;
}

Result<Loaded> Loader::take_descriptors() const {
  Loaded loaded;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (bpf_map__is_internal(map)) continue;
    TIDEGATE_ASSIGN(UniqueFd fd, duplicate(bpf_map__fd(map), bpf_map__name(map)));
    loaded.maps.add(bpf_map__name(map), std::move(fd));
  }
  TIDEGATE_ASSIGN(loaded.programs.xdp, program_named(skeleton_->obj, kXdpFrags));
  loaded.programs.frags = static_cast<bool>(loaded.programs.xdp);
  if (!loaded.programs.xdp) {
    TIDEGATE_ASSIGN(loaded.programs.xdp, program_named(skeleton_->obj, kXdp));
  }
  TIDEGATE_ASSIGN(loaded.programs.egress, program_named(skeleton_->obj, kEgress));
  TIDEGATE_ASSIGN(loaded.programs.established, program_named(skeleton_->obj, kEstablished));
  return loaded;
}

}  // namespace tidegate::kernel
