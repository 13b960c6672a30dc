// SPDX-License-Identifier: Apache-2.0
// The tc program that records what the host sends. It sits on clsact egress; the qdisc holds it, not a pin.
#pragma once

#include "agent/base/error.hpp"

namespace tidegate::kernel {

// Makes clsact if there is none and puts the program at Tidegate's handle and priority, over an earlier one of ours.
Status attach_egress(unsigned ifindex, int program);
// The id of the program at our handle and priority; 0: none.
unsigned egress_program(unsigned ifindex);
// Takes only our filter away; clsact stays, others may use it.
void detach_egress(unsigned ifindex);

}  // namespace tidegate::kernel
