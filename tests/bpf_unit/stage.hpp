// SPDX-License-Identifier: Apache-2.0
// Stage headers are C in kernel style; conversions that C does silently are no news here.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include "bpf/abi/hash.h"
#include "bpf/stage/charge.h"
#include "bpf/stage/flow_entry.h"
#include "bpf/stage/gcra.h"
#include "bpf/stage/packet.h"
#include "bpf/stage/parse.h"
#include "bpf/stage/proven_bits.h"
#include "bpf/stage/tables.h"
#include "bpf/stage/ways.h"
#pragma GCC diagnostic pop
