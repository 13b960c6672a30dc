// SPDX-License-Identifier: Apache-2.0
#include "agent/api/services.hpp"

#include "agent/api/api_service.hpp"
#include "agent/api/datapath_service.hpp"
#include "agent/api/decision_service.hpp"
#include "agent/api/key_service.hpp"
#include "agent/api/policy_service.hpp"
#include "agent/api/safelist_service.hpp"
#include "agent/api/status_service.hpp"

namespace tidegate::api {

Services make_services(control::Controllers& controllers, const std::string& actor) {
  Services services;
  services.push_back(std::make_unique<PolicyService>(controllers.policy, actor));
  services.push_back(std::make_unique<DecisionService>(controllers.decisions, actor));
  services.push_back(std::make_unique<SafelistService>(controllers.safelist, actor));
  services.push_back(std::make_unique<StatusService>(controllers));
  services.push_back(std::make_unique<DatapathService>(controllers.attach, actor));
  services.push_back(std::make_unique<ApiService>(controllers.env.apis));
  services.push_back(std::make_unique<KeyService>(controllers.env.inspection));
  return services;
}

}  // namespace tidegate::api
