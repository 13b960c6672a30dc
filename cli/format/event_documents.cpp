// SPDX-License-Identifier: Apache-2.0
// Events as documents.
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

Json evidence_document(const v1::Evidence& evidence) {
  Json examples = Json::array();
  for (const auto& example : evidence.examples()) {
    examples.push_back(
        {{"template", example.path_template()}, {"time", to_rfc3339(to_wall_time(example.time()), true)}});
  }
  return {{"text", text_or_null(evidence.text())},
          {"observed", evidence.observed()},
          {"threshold", evidence.threshold()},
          {"estimated", evidence.estimated()},
          {"window_seconds", evidence.window().seconds()},
          {"examples", std::move(examples)}};
}

Json finding_document(const v1::RuleFinding& finding) {
  return {{"rule", text_or_null(finding.rule())},
          {"outcome", text_or_null(finding.outcome())},
          {"explanation", text_or_null(finding.explanation())},
          {"service", text_or_null(finding.service())},
          {"client", text_or_null(finding.client())},
          {"client_port", finding.client_port()},
          {"server", text_or_null(finding.server())},
          {"server_port", finding.server_port()},
          {"named", text_or_null(finding.named())},
          {"key",
           {{"source", text_or_null(finding.source())},
            {"session", text_or_null(finding.session())},
            {"account", text_or_null(finding.account())},
            {"ja4", text_or_null(finding.ja4())}}},
          {"time", time_or_null(finding.has_time(), finding.time())},
          {"lasts_seconds", finding.lasts().seconds()},
          {"repetition", finding.repetition()},
          {"priority", finding.priority()},
          {"evidence", evidence_document(finding.evidence())}};
}

Json decision_document(const v1::DecisionEvent& decision) {
  Json document{{"change", decision.change()},
                {"id", decision.id() == 0 ? Json(nullptr) : Json(decision.id())},
                {"action", text_or_null(decision.action())},
                {"target", text_or_null(decision.target())},
                {"origin", text_or_null(decision.origin())},
                {"actor", text_or_null(decision.actor())},
                {"reason", text_or_null(decision.reason())},
                {"created", time_or_null(decision.has_created(), decision.created())},
                {"expires", time_or_null(decision.has_expires(), decision.expires())},
                {"count", decision.count()}};
  if (decision.has_limit()) {
    document["limit"] = {{"packets", text_or_null(decision.limit().packets())},
                         {"bytes", text_or_null(decision.limit().bytes())}};
  }
  document["finding"] = decision.has_finding() ? finding_document(decision.finding()) : Json(nullptr);
  return document;
}

}  // namespace

Json document_of(const v1::Event& event) {
  Json document{{"time", event.has_time() ? Json(to_rfc3339(to_wall_time(event.time()), true)) : Json(nullptr)},
                {"kind", event.kind()},
                {"source", text_or_null(event.source())},
                {"source_port", event.source_port()},
                {"destination", text_or_null(event.destination())},
                {"destination_port", event.destination_port()},
                {"protocol", text_or_null(event.protocol())},
                {"interface", text_or_null(event.interface())},
                {"service", text_or_null(event.service())},
                {"reason", text_or_null(event.reason())},
                {"packets", event.packets()},
                {"bytes", event.bytes()},
                {"dry_run", event.dry_run()},
                {"message", event.message()}};
  if (event.has_decision()) document["decision"] = decision_document(event.decision());
  return document;
}

}  // namespace tidegate::cli
