// SPDX-License-Identifier: Apache-2.0
#include "agent/api/policy_service.hpp"

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"

namespace tidegate::api {

grpc::Status PolicyService::Check(grpc::ServerContext*, const v1::CheckPolicyRequest* request,
                                  v1::CheckPolicyResponse* response) {
  const auto report = policy_.check(request->text());
  for (const auto& issue : report.issues) fill(*response->add_issues(), issue);
  for (const auto& name : report.not_enforced) response->add_not_enforced(name);
  response->set_valid(report.valid);
  return grpc::Status::OK;
}

grpc::Status PolicyService::Diff(grpc::ServerContext*, const v1::DiffPolicyRequest* request,
                                 v1::DiffPolicyResponse* response) {
  const auto report = policy_.diff(request->text());
  for (const auto& change : report.changes) fill(*response->add_changes(), change);
  for (const auto& issue : report.issues) fill(*response->add_issues(), issue);
  response->set_valid(report.valid);
  return grpc::Status::OK;
}

grpc::Status PolicyService::Apply(grpc::ServerContext*, const v1::ApplyPolicyRequest* request,
                                  v1::ApplyPolicyResponse* response) {
  control::ApplyRequest apply{.text = request->text(),
                              .confirm_within = std::nullopt,
                              .dry_run = request->dry_run(),
                              .force = request->force(),
                              .comment = request->comment(),
                              .actor = actor_,
                              .caller_peers = to_strings(request->caller_peers())};
  if (request->has_confirm_within()) {
    const auto within = to_duration(request->confirm_within());
    if (!within) return to_grpc(within.error());
    apply.confirm_within = *within;
  }
  const auto report = policy_.apply(apply);
  if (!report) return to_grpc(report.error());
  fill(*response, *report);
  return grpc::Status::OK;
}

grpc::Status PolicyService::Confirm(grpc::ServerContext*, const v1::ConfirmPolicyRequest*,
                                    v1::ConfirmPolicyResponse* response) {
  const auto generation = policy_.confirm(actor_);
  if (!generation) return to_grpc(generation.error());
  response->set_generation(*generation);
  return grpc::Status::OK;
}

grpc::Status PolicyService::Rollback(grpc::ServerContext*, const v1::RollbackPolicyRequest* request,
                                     v1::ApplyPolicyResponse* response) {
  const auto report = policy_.rollback({.generation = request->generation(),
                                        .force = request->force(),
                                        .actor = actor_,
                                        .caller_peers = to_strings(request->caller_peers())});
  if (!report) return to_grpc(report.error());
  fill(*response, *report);
  return grpc::Status::OK;
}

grpc::Status PolicyService::Show(grpc::ServerContext*, const v1::ShowPolicyRequest* request,
                                 v1::ShowPolicyResponse* response) {
  const auto generation = policy_.show(request->generation());
  if (!generation) return to_grpc(generation.error());
  response->set_generation(generation->generation);
  response->set_text(generation->text);
  return grpc::Status::OK;
}

grpc::Status PolicyService::History(grpc::ServerContext*, const v1::PolicyHistoryRequest*,
                                    v1::PolicyHistoryResponse* response) {
  const auto generations = policy_.history();
  if (!generations) return to_grpc(generations.error());
  for (const auto& generation : *generations) fill(*response->add_generations(), generation);
  return grpc::Status::OK;
}

}  // namespace tidegate::api
