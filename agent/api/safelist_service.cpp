// SPDX-License-Identifier: Apache-2.0
#include "agent/api/safelist_service.hpp"

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

Result<decisions::NewSafelistEntry> to_entry(const v1::SafelistEntry& from, const std::string& actor) {
  decisions::NewSafelistEntry entry;
  TIDEGATE_ASSIGN(entry.prefix, Prefix::parse(from.target()));
  if (!from.ceiling().empty()) {
    TIDEGATE_ASSIGN(entry.ceiling, parse_packet_rate(from.ceiling()));
  }
  entry.interface = from.interface();
  entry.reason = from.reason();
  entry.actor = actor;
  return entry;
}

}  // namespace

grpc::Status SafelistService::Add(grpc::ServerContext*, const v1::AddSafelistRequest* request,
                                  v1::AddSafelistResponse* response) {
  std::vector<decisions::NewSafelistEntry> entries;
  for (const auto& message : request->entries()) {
    auto entry = to_entry(message, actor_);
    if (!entry) return to_grpc(entry.error());
    entries.push_back(std::move(*entry));
  }
  const auto added = safelist_.add(entries);
  if (!added) return to_grpc(added.error());
  for (const auto& entry : added->entries) fill(*response->add_entries(), entry);
  for (const auto& decision : added->overridden) fill(*response->add_overridden(), decision);
  return grpc::Status::OK;
}

grpc::Status SafelistService::Remove(grpc::ServerContext*, const v1::RemoveSafelistRequest* request,
                                     v1::RemoveSafelistResponse* response) {
  const auto removed = safelist_.remove({.targets = to_strings(request->targets()),
                                         .force = request->force(),
                                         .actor = actor_,
                                         .caller_peers = to_strings(request->caller_peers())});
  if (!removed) return to_grpc(removed.error());
  response->set_removed(*removed);
  return grpc::Status::OK;
}

grpc::Status SafelistService::List(grpc::ServerContext*, const v1::ListSafelistRequest*,
                                   v1::ListSafelistResponse* response) {
  const auto entries = safelist_.list();
  if (!entries) return to_grpc(entries.error());
  for (const auto& entry : *entries) fill(*response->add_entries(), entry);
  return grpc::Status::OK;
}

grpc::Status SafelistService::Check(grpc::ServerContext*, const v1::CheckSafelistRequest* request,
                                    v1::CheckSafelistResponse* response) {
  const auto entries = safelist_.check(request->address());
  if (!entries) return to_grpc(entries.error());
  for (const auto& entry : *entries) fill(*response->add_matches(), entry);
  return grpc::Status::OK;
}

}  // namespace tidegate::api
