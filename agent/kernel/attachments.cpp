// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/attachments.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "agent/base/remedy.hpp"
#include "agent/kernel/egress.hpp"
#include "agent/kernel/network.hpp"
#include "agent/kernel/xdp_link.hpp"

namespace tidegate::kernel {
namespace {

std::string mode_text(policy::AttachMode mode) { return mode == policy::AttachMode::kNative ? "native" : "generic"; }

bool same(const AttachState& a, const AttachState& b) {
  return a.ifindex == b.ifindex && a.mode == b.mode && a.attached == b.attached && a.problem == b.problem;
}

// A link does not tell its network namespace: it is ours when the interface of its index runs its program here.
bool is_of_this_namespace(const LinkState& link) { return xdp_on(link.ifindex).program == link.program; }

}  // namespace

Attachments::Attachments(const PinDirectory& pins, const Programs& programs, const Features& features)
    : pins_(pins),
      programs_(programs),
      features_(features),
      xdp_id_(program_id(programs.xdp.get())),
      egress_id_(programs.egress ? program_id(programs.egress.get()) : 0) {}

void Attachments::adopt(bool update) {
  const std::lock_guard lock(mutex_);
  for (const auto& pin : pins_.names()) {
    const auto name = interface_of_link_pin(pin);
    if (!name) continue;
    Entry entry;
    entry.link = pins_.get(pin);
    const auto link = state_of_link(entry.link.get());
    if (!link) continue;
    const bool generic = xdp_on(link->ifindex).mode == "generic";
    entry.wanted = {*name, generic ? policy::AttachMode::kGeneric : policy::AttachMode::kNative, {}};
    record(entry, update ? bring_up(entry) : Status{});
    entries_.insert_or_assign(*name, std::move(entry));
  }
}

Result<AttachState> Attachments::attach(const policy::Interface& interface) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[interface.name];
  const policy::Interface before = std::exchange(entry.wanted, interface);
  const bool had_link(entry.link);
  const Status result = bring_up(entry);
  if (!result && had_link && !entry.link) {
    fall_back(entry, before);
  } else {
    record(entry, result);
  }
  if (!result) return std::unexpected(result.error());
  return entry.state;
}

// Two modes exclude each other, so that the link had to go before the other could be tried.
void Attachments::fall_back(Entry& entry, const policy::Interface& before) const {
  entry.wanted = before;
  record(entry, bring_up(entry));
}

Status Attachments::bring_up(Entry& entry) const {
  entry.state.problem.clear();
  TIDEGATE_TRY(keep_or_drop_link(entry));
  TIDEGATE_TRY(entry.link ? update_program(entry) : make_link(entry));
  bring_up_egress(entry);
  return {};
}

// A link that holds stays, with its protection; one whose interface is gone, or of another mode, makes room.
Status Attachments::keep_or_drop_link(Entry& entry) const {
  if (!entry.link) return {};
  const auto link = state_of_link(entry.link.get());
  const auto& name = entry.wanted.name;
  if (link && link->ifindex != 0) {
    if (!is_of_this_namespace(*link)) {
      return fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("the pinned link of interface {} is in another network namespace: start tidegated there, or "
                      "remove {}",
                      name, (pins_.path() / link_pin_name(name)).string()));
    }
    const std::string mode = xdp_on(link->ifindex).mode;
    const bool mode_fits = mode == mode_text(entry.wanted.mode) || mode == "several";
    if (link->ifindex == ifindex_of(name) && mode_fits) return {};
  }
  pins_.unpin(link_pin_name(name));
  entry.link.reset();
  return {};
}

Status Attachments::update_program(Entry& entry) const {
  const auto& name = entry.wanted.name;
  if (bpf_link_update(entry.link.get(), programs_.xdp.get(), nullptr) != 0) {
    return with_remedy(
        fail_errno(errno, fmt::format("cannot update the program on interface {}, the earlier one stays", name)),
        fmt::format("`tidegate detach --interface {0}` and `attach --interface {0}` put the new one in its place",
                    name));
  }
  if (pins_.has(link_pin_name(name))) return {};
  return pins_.pin(entry.link.get(), link_pin_name(name));
}

Status Attachments::make_link(Entry& entry) const {
  const XdpAttach request{.interface = entry.wanted.name,
                          .mode = entry.wanted.mode,
                          .native_available = features_.has(feature::kNativeXdp),
                          .frags = programs_.frags};
  TIDEGATE_ASSIGN(UniqueFd link, create_xdp_link(programs_.xdp.get(), request));
  pins_.unpin(link_pin_name(entry.wanted.name));
  TIDEGATE_TRY(pins_.pin(link.get(), link_pin_name(entry.wanted.name)));
  entry.link = std::move(link);
  return {};
}

// Without it the interface is protected all the same; the state says what is missing.
void Attachments::bring_up_egress(Entry& entry) const {
  if (!programs_.egress) return;
  const unsigned ifindex = ifindex_of(entry.wanted.name);
  if (egress_program(ifindex) == egress_id_) return;
  if (const auto status = attach_egress(ifindex, programs_.egress.get()); !status) {
    entry.state.problem = fmt::format(
        "attached, but what the host sends on {} is not seen, so answers to it may be taken "
        "for clients: {}",
        entry.wanted.name, status.error().message);
  }
}

void Attachments::record(Entry& entry, const Status& result) const {
  entry.state.interface = entry.wanted.name;
  const auto link = entry.link ? state_of_link(entry.link.get()) : fail(ErrorCode::kNotFound, "");
  entry.state.attached = link && link->ifindex != 0;
  entry.state.ifindex = entry.state.attached ? link->ifindex : 0;
  entry.state.mode = entry.state.attached ? xdp_on(link->ifindex).mode : "-";
  if (!result) entry.state.problem = result.error().message;
}

Status Attachments::detach(const std::string& interface) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(interface);
  if (found == entries_.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("interface {} is not attached", interface));
  }
  Entry& entry = found->second;
  if (entry.state.attached) detach_egress(entry.state.ifindex);
  if (entry.link && bpf_link_detach(entry.link.get()) != 0 && errno != ENOLINK && errno != EINVAL) {
    return fail_errno(errno, fmt::format("cannot detach interface {}", interface));
  }
  pins_.unpin(link_pin_name(interface));
  entries_.erase(found);
  return {};
}

// The first thing that is not as it should be, in words.
std::optional<std::string> Attachments::what_is_wrong(const Entry& entry) const {
  const auto& name = entry.wanted.name;
  if (!entry.link) return fmt::format("interface {} was not attached", name);
  const auto link = state_of_link(entry.link.get());
  if (!link) return link.error().message;
  if (link->ifindex == 0) return fmt::format("interface {} went away", name);
  if (link->ifindex != ifindex_of(name)) return fmt::format("interface {} is another one now", name);
  if (link->program != xdp_id_) return fmt::format("the program on interface {} was replaced", name);
  if (!pins_.has(link_pin_name(name))) return fmt::format("the pin of interface {} was removed", name);
  if (egress_id_ != 0 && entry.state.problem.empty() && egress_program(link->ifindex) != egress_id_) {
    return fmt::format("the egress filter of interface {} was removed", name);
  }
  return std::nullopt;
}

std::vector<AttachState> Attachments::verify() {
  const std::lock_guard lock(mutex_);
  std::vector<AttachState> changed;
  for (auto& [name, entry] : entries_) {
    const auto wrong = what_is_wrong(entry);
    if (!wrong) continue;
    const AttachState before = entry.state;
    record(entry, bring_up(entry));
    const bool repaired = entry.state.attached && entry.state.problem.empty();
    if (!repaired && same(before, entry.state)) continue;
    changed.push_back(entry.state);
    if (repaired) changed.back().problem = *wrong + "; it is attached again";
  }
  return changed;
}

std::vector<AttachState> Attachments::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<AttachState> states;
  for (const auto& [name, entry] : entries_) states.push_back(entry.state);
  return states;
}

std::vector<unsigned> Attachments::ifindexes() const {
  std::vector<unsigned> indexes;
  for (const auto& state : states()) {
    if (state.ifindex != 0) indexes.push_back(state.ifindex);
  }
  return indexes;
}

bool Attachments::all_updated() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (!entry.link) continue;
    const auto link = state_of_link(entry.link.get());
    if (link && link->ifindex != 0 && link->program != xdp_id_) return false;
  }
  return true;
}

}  // namespace tidegate::kernel
