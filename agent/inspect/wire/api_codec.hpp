// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "agent/inspect/model/api_description.hpp"
#include "agent/inspect/wire/codec.hpp"

namespace tidegate::inspect::wire {

// Part of the settings. `api` is sound (is_sound()).
void put_api(Writer& writer, const ApiDescription& api);
// Never null; what is not sound makes the reader fail.
std::shared_ptr<const ApiDescription> take_api(Reader& reader);

// As sent.
std::size_t bytes_of(const ApiDescription& api);

}  // namespace tidegate::inspect::wire
