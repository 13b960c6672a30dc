// SPDX-License-Identifier: Apache-2.0
// Blocked sessions and accounts: who is made out, by the summaries of requests, and what there is.
#include "agent/control/identity_blocks.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace tidegate::control {
namespace {

std::string format(const Address& address, std::uint16_t port) {
  const std::string text = address.to_string();
  return (address.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

}  // namespace

kernel::Connection connection_of(const inspect::Flow& flow) {
  return {.client = flow.client.address,
          .server = flow.server.address,
          .client_port = flow.client.port,
          .server_port = flow.server.port};
}

std::string format(const kernel::Connection& connection) {
  return format(connection.client, connection.client_port) + " to " + format(connection.server, connection.server_port);
}

std::string BlockedIdentity::target() const {
  const std::string text = behavior::format(key);
  return text.empty() ? "somebody that an earlier agent recognised" : text;
}

IdentityBlocks::IdentityBlocks(const Environment& environment, const Enforcement& enforcement)
    : env_(environment), enforcement_(enforcement), state_(environment.identity_seed) {}

IdentityBlocks::View::View(std::shared_ptr<const InForce> in_force) : policy(std::move(in_force)), proxies({}) {
  if (!policy) return;
  settings.ipv4_prefix = policy->policy.ipv4_prefix;
  settings.ipv6_prefix = policy->policy.ipv6_prefix;
  for (const auto& proxy : policy->policy.trusted_proxies) settings.trusted_proxies.push_back(proxy.prefix);
  proxies = behavior::PrefixSet(settings.trusted_proxies);
}

bool IdentityBlocks::look(const inspect::Summary& summary) {
  if (size() == 0 || !summary.connection.proven) return false;
  auto present = enforcement_.in_force();
  auto state = state_.lock();
  if (!state->view || state->view->policy != present) state->view = std::make_unique<View>(std::move(present));
  const View& view = *state->view;
  const behavior::Facts request(summary, view.settings, view.proxies, env_.identity_seed, view.aliases);
  std::vector<std::pair<std::int64_t, behavior::FindingKey>> found;
  state->index.find(request, [&](std::int64_t id, const behavior::FindingKey& key) { found.emplace_back(id, key); });
  if (found.empty()) return false;
  Sighting sighting{.ids = {}, .connection = connection_of(summary.connection.flow), .behind_proxy = false};
  for (const auto& [id, key] : found) consider(*state, id, key, request, sighting);
  if (sighting.ids.empty() || state->awaited.contains(sighting.connection)) return false;
  if (state->waiting.size() >= kMostWaiting) {
    ++state->refused.count;
    state->refused.why = std::to_string(kMostWaiting) + " connections of blocked sessions and accounts wait already";
    return false;
  }
  state->awaited.insert(sighting.connection);
  state->waiting.push_back(std::move(sighting));
  return true;
}

// One that was recognised by the hash of yesterday is recognised by that of today from now on.
void IdentityBlocks::consider(State& state, std::int64_t id, const behavior::FindingKey& key,
                              const behavior::Facts& request, Sighting& sighting) {
  const auto found = state.entries.find(id);
  if (found == state.entries.end()) return;
  Entry& entry = found->second;
  const inspect::Summary& summary = request.summary();
  const bool elsewhere = !entry.shown.service.empty() && entry.shown.service != summary.service;
  if (entry.shown.key != key || elsewhere || entry.until <= env_.clock.monotonic()) return;
  behavior::FindingKey now = key;
  if (key.session && summary.session) now.session = summary.session;
  if (key.account && summary.account) now.account = summary.account;
  if (now != key) {
    state.index.remove(key, id);
    state.index.add(now, id);
    entry.shown.key = now;
  }
  if (request.proxied()) {
    sighting.behind_proxy = true;
    sighting.time = summary.began + summary.duration;
    sighting.service = summary.service;
    sighting.flow = summary.connection.flow;
    sighting.named = request.named();
    sighting.source = request.source();
    if (std::has_single_bit(++entry.shown.behind_proxy)) sighting.ids.push_back(id);
    return;
  }
  const auto owners = state.owners.find(sighting.connection);
  const bool blocked = owners != state.owners.end() &&
                       std::find(owners->second.begin(), owners->second.end(), id) != owners->second.end();
  if (!blocked) sighting.ids.push_back(id);
}

BlockedIdentity IdentityBlocks::shown(const Entry& entry) const {
  BlockedIdentity result = entry.shown;
  result.expires = env_.clock.wall() + (entry.until - env_.clock.monotonic());
  result.connections.assign(entry.connections.begin(), entry.connections.end());
  return result;
}

std::vector<BlockedIdentity> IdentityBlocks::list() const {
  if (size() == 0) return {};
  const auto state = state_.lock();
  std::vector<BlockedIdentity> all;
  for (const auto& [id, entry] : state->entries) {
    if (entry.until > env_.clock.monotonic()) all.push_back(shown(entry));
  }
  return all;
}

std::vector<BlockedIdentity> IdentityBlocks::of_client(const Prefix& client) const {
  std::vector<BlockedIdentity> all = list();
  for (auto& identity : all) {
    std::erase_if(identity.connections,
                  [&](const kernel::Connection& connection) { return !client.contains(connection.client); });
  }
  std::erase_if(all, [](const BlockedIdentity& identity) { return identity.connections.empty(); });
  return all;
}

}  // namespace tidegate::control
