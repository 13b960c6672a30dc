// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cases.hpp"

#include <linux/bpf.h>

#include "tests/bench/our_cases.hpp"
#include "tests/bench/peers.hpp"

namespace tidegate::bench {
namespace {

constexpr std::uint32_t kBlocked = 0xc6120000;  // 198.18.0.0, RFC 2544
constexpr std::uint32_t kAll = 0;

Status add_floor(std::vector<Case>& cases) {
  TIDEGATE_ASSIGN(const auto floor, parse_and_drop());
  cases.push_back({"floor/1", floor, {.sources = 1}, XDP_DROP});
  cases.push_back({"floor/all", floor, {.sources = kAll}});
  return {};
}

Status add_lru_hash(std::vector<Case>& cases) {
  TIDEGATE_ASSIGN(const auto lru, gcra_lru_hash());
  cases.push_back({"lru-hash/1", lru, {.sources = 1}});
  cases.push_back({"lru-hash/10k", lru, {.sources = 10'000}});
  cases.push_back({"lru-hash/1M", lru, {.sources = 1'000'000}});
  cases.push_back({"lru-hash/all", lru, {.sources = kAll}});
  return {};
}

Status add_xdp_filter(std::vector<Case>& cases) {
  const auto filter = xdp_filter(kBlocked, 10'000);
  if (!filter) {
    if (filter.error().code == ErrorCode::kNotFound) {
      emit_skip("program", "xdp-filter", filter.error().message);
      return {};
    }
    return std::unexpected(filter.error());
  }
  cases.push_back({"xdp-filter/1", *filter, {.first = kBlocked, .sources = 1}, XDP_DROP});
  cases.push_back({"xdp-filter/10k", *filter, {.first = kBlocked, .sources = 10'000}, XDP_DROP});
  return {};
}

}  // namespace

Result<std::vector<Case>> all_cases(const Settings& settings) {
  std::vector<Case> cases;
  TIDEGATE_TRY(add_floor(cases));
  TIDEGATE_TRY(add_xdp_filter(cases));
  TIDEGATE_TRY(add_lru_hash(cases));
  TIDEGATE_TRY(add_our_cases(cases, settings));
  return cases;
}

}  // namespace tidegate::bench
