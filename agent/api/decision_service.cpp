// SPDX-License-Identifier: Apache-2.0
#include "agent/api/decision_service.hpp"

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

// BlockRequest or LimitRequest: what both say.
template <typename Request>
Result<control::DecisionRequest> to_request(const Request& request, const std::string& actor) {
  control::DecisionRequest converted{.targets = to_strings(request.targets()),
                                     .duration = std::nullopt,
                                     .reason = request.reason(),
                                     .force = request.force(),
                                     .caller_peers = to_strings(request.caller_peers()),
                                     .actor = actor};
  if (request.has_duration()) {
    TIDEGATE_ASSIGN(converted.duration, to_duration(request.duration()));
  }
  return converted;
}

std::optional<decisions::Format> to_format(v1::ImportHeader::Format format) {
  switch (format) {
    case v1::ImportHeader::PLAIN:
      return decisions::Format::kPlain;
    case v1::ImportHeader::JSON:
      return decisions::Format::kJson;
    case v1::ImportHeader::CSV:
      return decisions::Format::kCsv;
    default:
      return std::nullopt;
  }
}

control::ImportRequest to_request(const v1::ImportHeader& header, const std::string& actor) {
  control::ImportRequest request{.origin = std::nullopt,
                                 .format = to_format(header.format()),
                                 .force = header.force(),
                                 .caller_peers = to_strings(header.caller_peers()),
                                 .actor = actor};
  if (!header.origin().empty()) request.origin = header.origin();
  return request;
}

void fill(v1::ImportResponse& to, const decisions::ImportSummary& from) {
  to.set_imported(from.error_count == 0 ? from.accepted : 0);
  to.set_error_count(from.error_count);
  for (const auto& error : from.errors) {
    auto* row = to.add_errors();
    row->set_line(error.line);
    row->set_message(error.message);
  }
}

grpc::Status answer(const Result<std::vector<decisions::Decision>>& made, v1::BlockResponse* response) {
  if (!made) return to_grpc(made.error());
  for (const auto& decision : *made) api::fill(*response->add_decisions(), decision);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status DecisionService::Block(grpc::ServerContext*, const v1::BlockRequest* request,
                                    v1::BlockResponse* response) {
  const auto converted = to_request(*request, actor_);
  if (!converted) return to_grpc(converted.error());
  return answer(decisions_.block(*converted), response);
}

grpc::Status DecisionService::Limit(grpc::ServerContext*, const v1::LimitRequest* request,
                                    v1::BlockResponse* response) {
  const auto converted = to_request(*request, actor_);
  if (!converted) return to_grpc(converted.error());
  const auto rates = to_rates(request->rates());
  if (!rates) return to_grpc(rates.error());
  return answer(decisions_.limit(*converted, *rates), response);
}

grpc::Status DecisionService::Unblock(grpc::ServerContext*, const v1::UnblockRequest* request,
                                      v1::UnblockResponse* response) {
  const auto outcomes = decisions_.unblock(to_strings(request->targets()), actor_);
  if (!outcomes) return to_grpc(outcomes.error());
  for (const auto& outcome : *outcomes) {
    auto* row = response->add_outcomes();
    row->set_target(outcome.target.to_string());
    row->set_removed(outcome.removed);
    for (const auto& decision : outcome.still_covering) api::fill(*row->add_still_covering(), decision);
    for (const auto& identity : outcome.still_blocked) api::fill(*row->add_still_covering(), identity);
  }
  return grpc::Status::OK;
}

grpc::Status DecisionService::List(grpc::ServerContext* context, const v1::ListDecisionsRequest* request,
                                   grpc::ServerWriter<v1::Decision>* writer) {
  decisions::Query query{.origin = std::nullopt, .contains = std::nullopt, .limit = request->limit()};
  if (!request->origin().empty()) query.origin = request->origin();
  if (!request->contains().empty()) {
    const auto address = Address::parse(request->contains());
    if (!address) return to_grpc(address.error());
    query.contains = *address;
  }
  std::uint64_t listed = 0;
  const auto write = [&](const auto& decision) {
    v1::Decision message;
    api::fill(message, decision);
    ++listed;
    return !context->IsCancelled() && writer->Write(message);
  };
  if (const auto done = decisions_.list(query, write); !done) return to_grpc(done.error());
  for (const auto& identity : decisions_.list_identities(query)) {
    if ((query.limit != 0 && listed >= query.limit) || !write(identity)) break;
  }
  return grpc::Status::OK;
}

grpc::Status DecisionService::Import(grpc::ServerContext* context, grpc::ServerReader<v1::ImportRequest>* reader,
                                     v1::ImportResponse* response) {
  v1::ImportRequest message;
  if (!reader->Read(&message) || !message.has_header()) {
    return to_grpc(Error{ErrorCode::kInvalidArgument, "import: the first message must be the header"});
  }
  const auto session = decisions_.import(to_request(message.header(), actor_));
  if (!session) return to_grpc(session.error());
  while (reader->Read(&message)) {
    if (const auto fed = (*session)->feed(message.chunk()); !fed) return to_grpc(fed.error());
  }
  // A reader that ends may be a client that died half-way: only a call that is still there is applied.
  if (context->IsCancelled()) return {grpc::StatusCode::CANCELLED, "import: cancelled, nothing was applied"};
  const auto summary = (*session)->finish();
  if (!summary) return to_grpc(summary.error());
  fill(*response, *summary);
  return grpc::Status::OK;
}

grpc::Status DecisionService::Delete(grpc::ServerContext*, const v1::DeleteDecisionsRequest* request,
                                     v1::DeleteDecisionsResponse* response) {
  const bool by_origin = !request->origin().empty();
  if (by_origin == (request->ids_size() > 0)) {
    return to_grpc(Error{ErrorCode::kInvalidArgument, "delete: give ids or --origin, not both"});
  }
  const auto deleted = by_origin ? decisions_.remove_origin(request->origin(), actor_)
                                 : decisions_.remove_ids({request->ids().begin(), request->ids().end()}, actor_);
  if (!deleted) return to_grpc(deleted.error());
  response->set_deleted(*deleted);
  return grpc::Status::OK;
}

}  // namespace tidegate::api
