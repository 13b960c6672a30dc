// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/pins.hpp"

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

TEST(LinkPin, NamesOfInterfacesWithDotsSurviveABpfFileSystem) {
  EXPECT_EQ(link_pin_name("eth0"), "link_eth0");
  EXPECT_EQ(link_pin_name("eth0.100"), "link_eth0%2E100");
  for (const char* name : {"eth0", "eth0.100", "a%2Eb", "%", "br-lan"}) {
    EXPECT_EQ(link_pin_name(name).find('.'), std::string::npos);
    EXPECT_EQ(interface_of_link_pin(link_pin_name(name)), name);
  }
}

TEST(PinDirectory, ThatCannotBeMadeIsNamedWithTheRemedy) {
  const auto locked = PinDirectory::lock("/proc/tidegate-none/pins");
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().message.find("cannot make pin directory /proc/tidegate-none/pins: "), 0U);
  EXPECT_NE(locked.error().message.find("or set another pin_dir"), std::string::npos) << locked.error().message;
}

TEST(LinkPin, OtherPinsAreNotLinks) {
  EXPECT_EQ(interface_of_link_pin("limits"), std::nullopt);
  EXPECT_EQ(interface_of_link_pin("handshakes"), std::nullopt);
}

}  // namespace
}  // namespace tidegate::kernel
