// SPDX-License-Identifier: Apache-2.0
#include "agent/payload/rule_files.hpp"

#include <unistd.h>

#include "agent/payload/examiner.hpp"

namespace tidegate::payload {
namespace {

// Without the first the others mean nothing. Protocol errors, reputation and what is about responses are not asked for.
constexpr const char* kInitialization = "REQUEST-901-INITIALIZATION.conf";
constexpr const char* kAttacks[] = {
    "REQUEST-930-APPLICATION-ATTACK-LFI.conf", "REQUEST-931-APPLICATION-ATTACK-RFI.conf",
    "REQUEST-932-APPLICATION-ATTACK-RCE.conf", "REQUEST-933-APPLICATION-ATTACK-PHP.conf",
    "REQUEST-941-APPLICATION-ATTACK-XSS.conf", "REQUEST-942-APPLICATION-ATTACK-SQLI.conf",
    "REQUEST-944-APPLICATION-ATTACK-JAVA.conf"};
// Its name depends on the version.
constexpr const char* kGeneric[] = {"REQUEST-934-APPLICATION-ATTACK-NODEJS.conf",
                                    "REQUEST-934-APPLICATION-ATTACK-GENERIC.conf"};

// Detection only, and nothing is written. The rules of the set leave it to us to say which body is read how.
constexpr const char* kSettings = R"(
SecRuleEngine DetectionOnly
SecAuditEngine Off
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecRequestBodyLimit 65536
SecRequestBodyNoFilesLimit 65536
SecRequestBodyLimitAction ProcessPartial
SecUploadKeepFiles Off
SecXmlExternalEntity Off
SecDefaultAction "phase:1,nolog,noauditlog,pass"
SecDefaultAction "phase:2,nolog,noauditlog,pass"
SecRule REQUEST_HEADERS:Content-Type "@rx (?i)^application/(?:[a-z0-9.-]+\+)?json" "id:77001,phase:1,nolog,pass,t:none,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "@rx (?i)^(?:application|text)/(?:[a-z0-9.-]+\+)?xml" "id:77002,phase:1,nolog,pass,t:none,ctl:requestBodyProcessor=XML"
SecAction "id:77003,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=300,setvar:tx.paranoia_level=1,setvar:tx.blocking_paranoia_level=1"
)";

bool readable(const std::filesystem::path& file) { return ::access(file.c_str(), R_OK) == 0; }

std::string include(const std::filesystem::path& file) { return "Include " + file.string() + "\n"; }

std::string bounds() {
  return "SecArgumentsLimit " + std::to_string(kMostArguments) + "\nSecRequestBodyJsonDepthLimit " +
         std::to_string(kDeepestJson) + "\n";
}

}  // namespace

Result<std::string> configuration(const std::filesystem::path& rules) {
  if (!rules.is_absolute() || rules.string().find_first_of("\"\n*? ") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "the directory of the Core Rule Set has to be an absolute path without spaces");
  }
  std::string text = kSettings + bounds();
  if (readable(kExclusions)) text += include(kExclusions);
  for (const char* name : {kInitialization}) text += include(rules / name);
  for (const char* name : kAttacks) text += include(rules / name);
  for (const char* name : kGeneric) {
    if (readable(rules / name)) text += include(rules / name);
  }
  for (const char* name : {kInitialization, kAttacks[0], kAttacks[5]}) {
    if (readable(rules / name)) continue;
    return fail(ErrorCode::kNotFound, "the OWASP Core Rule Set is not in " + rules.string() +
                                          ": install modsecurity-crs, or name its place as inspect.payload_rules");
  }
  return text;
}

}  // namespace tidegate::payload
