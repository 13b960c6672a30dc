// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/libbpf_log.hpp"

#include <bpf/libbpf.h>
#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

TEST(LibbpfLog, TheVerifiersLastSentenceIsTheReason) {
  EXPECT_EQ(reason_in_log("libbpf: prog 'x': BPF program load failed: Invalid argument\n"
                          "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --\n"
                          "0: R1=ctx(off=0,imm=0) R10=fp0\n"
                          "R1 invalid mem access 'scalar'\n"
                          "processed 12 insns (limit 1000000) max_states_per_insn 0 total_states 0\n"
                          "-- END PROG LOAD LOG --\n"
                          "libbpf: prog 'x': failed to load: -22\n"),
            "R1 invalid mem access 'scalar'");
}

TEST(LibbpfLog, WithoutAVerifierLogTheFirstWarningIsTheReason) {
  EXPECT_EQ(
      reason_in_log("libbpf: map 'keys': failed to create: Operation not permitted(-1)\nlibbpf: failed to load\n"),
      "map 'keys': failed to create: Operation not permitted(-1)");
  EXPECT_EQ(reason_in_log(""), "");
}

TEST(LibbpfLog, CollectsWhatLibbpfSaysAndNothingReachesStderr) {
  testing::internal::CaptureStderr();
  {
    const LibbpfLog outer;
    {
      const LibbpfLog inner;
      EXPECT_EQ(bpf_object__open_file("/nonexistent/tidegate.o", nullptr), nullptr);
      EXPECT_NE(inner.reason(), "");
    }
    EXPECT_EQ(outer.text(), "");
    bpf_object__open_file("/nonexistent/tidegate.o", nullptr);
    EXPECT_NE(outer.text(), "");
  }
  bpf_object__open_file("/nonexistent/tidegate.o", nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace tidegate::kernel
