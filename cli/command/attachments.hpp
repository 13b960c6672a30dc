// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "cli/context.hpp"
#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

using Interfaces = google::protobuf::RepeatedPtrField<::tidegate::v1::InterfaceStatus>;

// The interfaces after `attach` or `detach`: {interfaces: […]}.
void show_attachments(Context& context, const Interfaces& interfaces);
// "attached", "detached by operator", "not attached".
std::string attachment_of(const ::tidegate::v1::InterfaceStatus& interface);

}  // namespace tidegate::cli
