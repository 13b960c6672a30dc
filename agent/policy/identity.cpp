// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/model.hpp"

namespace tidegate::policy {

bool has_payload_examiner() {
#ifdef TIDEGATE_HAS_PAYLOADS
  return true;
#else
  return false;
#endif
}

std::string format_identity(const IdentityField& field) {
  switch (field.where) {
    case IdentityField::Where::kCookie:
      return "cookie " + field.name;
    case IdentityField::Where::kHeader:
      return "header " + field.name;
    case IdentityField::Where::kJwtClaim:
      return "jwt_claim " + field.name;
    case IdentityField::Where::kJson:
      return "json " + field.name;
    case IdentityField::Where::kForm:
      return "form " + field.name;
    case IdentityField::Where::kBasic:
      return "basic";
  }
  return {};
}

}  // namespace tidegate::policy
