// SPDX-License-Identifier: Apache-2.0
// From a policy to what the datapath reads (bpf/abi/config.h). Pure: no kernel, no files.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/model.hpp"
#include "bpf/abi/config.h"

namespace tidegate::policy {

// One half of the configuration maps, ready to be copied; about 250 kB.
struct Image {
  tg_host host{};
  tg_service_table ranges{};
  tg_address_table sources{};
  tg_address_table destinations{};
  std::vector<tg_service> services;      // TG_SERVICES, by slot; `tweak` is left 0 for agent/kernel to fill in
  std::vector<tg_source_entry> entries;  // TG_SOURCE_ENTRIES
};

struct Compiled {
  std::unique_ptr<Image> image;
  std::map<std::string, unsigned> slots;  // service name -> slot
  std::vector<std::string> warnings;      // "service api: new_sources ÷ rate puts 31 % of the ways in debt, …"
};

struct CompileInput {
  const Policy& policy;
  std::vector<SafelistEntry> extra_safelist;  // of `tidegate safelist add`
  std::map<std::string, unsigned> slots;      // present owners: a service keeps its slot across generations
  std::uint64_t bucket_ways = 65536;          // tables.buckets, for the debt warning
  std::chrono::nanoseconds tick{4'000'000};   // of the datapath's clock: bursts below two of them are refused
  std::function<unsigned(const std::string&)> ifindex_of;  // 0: no such interface now (the entry matches nothing yet)
};

// Everything that is wrong with a policy as a whole, and the result when nothing is.
struct CompileReport {
  std::optional<Compiled> compiled;  // none when an issue is an error
  std::vector<Issue> issues;         // errors and warnings, at most 100
};
CompileReport compile_all(const CompileInput& input);

// As compile_all, with the first error only: what cannot be represented or exceeds a map, as "LINE:COL: text".
// host.generation is left 0 for agent/kernel.
Result<Compiled> compile(const CompileInput& input);

// A rate and burst in GCRA terms. `is_bytes`: fixed point of TG_BYTE_SHIFT. An absent burst is one second's worth,
// never below 100 ms' worth, one packet, one maximum frame.
Result<tg_rate> to_gcra(const Rate& rate, std::optional<std::uint64_t> burst, bool is_bytes,
                        std::chrono::nanoseconds tick);

}  // namespace tidegate::policy
