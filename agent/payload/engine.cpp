// SPDX-License-Identifier: Apache-2.0
#include "agent/payload/engine.hpp"

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include <algorithm>
#include <charconv>
#include <exception>

namespace tidegate::payload {
namespace {

// Whom the rules see: nobody, so that nothing is remembered by address.
constexpr const char* kNobody = "0.0.0.0";

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

int score(const modsecurity::Transaction& transaction, const char* name) {
  const auto text = transaction.m_collections.m_tx_collection->resolveFirst(name);
  int value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

void run(modsecurity::Transaction& transaction, const Request& request) {
  transaction.processConnection(kNobody, 0, kNobody, 0);
  transaction.processURI(request.target, request.method, request.version);
  for (const auto& [name, value] : request.fields) {
    transaction.addRequestHeader(bytes_of(name), name.size(), bytes_of(value), value.size());
  }
  transaction.processRequestHeaders();
  if (!request.body.empty()) transaction.appendRequestBody(bytes_of(request.body), request.body.size());
  transaction.processRequestBody();
}

class ModSecurity final : public Engine {
 public:
  // Without a callback the library would write to standard error.
  ModSecurity() {
    library_.setServerLogCb([](void*, const void*) {}, modsecurity::RuleMessageLogProperty);
  }

  bool add(const std::string& configuration, std::string& problem) {
    if (rules_.load(configuration.c_str()) >= 0) return true;
    problem = rules_.getParserError();
    return false;
  }

  Scores examine(const Request& request) override {
    Scores scores;
    try {
      modsecurity::Transaction transaction(&library_, &rules_, nullptr);
      try {
        run(transaction, request);
      } catch (const std::exception&) {
        scores.failed = true;
      }
      scores.sql = score(transaction, "sql_injection_score");
      scores.xss = score(transaction, "xss_score");
      scores.files = std::max(score(transaction, "lfi_score"), score(transaction, "rfi_score"));
      scores.commands = std::max(score(transaction, "rce_score"), score(transaction, "php_injection_score"));
    } catch (const std::exception&) {
      scores.failed = true;
    }
    return scores;
  }

 private:
  modsecurity::ModSecurity library_;
  modsecurity::RulesSet rules_;
};

}  // namespace

std::unique_ptr<Engine> Engine::load(const std::string& configuration, std::string& problem) {
  auto engine = std::make_unique<ModSecurity>();
  if (!engine->add(configuration, problem)) return nullptr;
  return engine;
}

}  // namespace tidegate::payload
