// SPDX-License-Identifier: Apache-2.0
#include "agent/config/text_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace tidegate::config {
namespace {

using ::testing::HasSubstr;

class TextFile : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& text) const {
    const auto path = dir_ / "file";
    std::ofstream(path) << text;
    return path;
  }
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "tidegate-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::filesystem::path dir_;
};

TEST_F(TextFile, IsReadWhole) {
  const std::string text(200'000, 'x');
  EXPECT_EQ(read_text_file(file(text)).value(), text);
  EXPECT_EQ(read_text_file(file("")).value(), "");
}

TEST_F(TextFile, TooLargeIsRefused) {
  EXPECT_TRUE(read_text_file(file("1234"), 4));
  EXPECT_THAT(read_text_file(file("12345"), 4).error().message, HasSubstr("is larger than 4 bytes"));
}

TEST_F(TextFile, MissingAndWrongFilesSayWhy) {
  EXPECT_EQ(read_text_file(dir_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(read_text_file(dir_ / "none").error().message, HasSubstr("; correct its path or permissions"));
  EXPECT_THAT(read_text_file(dir_).error().message, HasSubstr("is a directory"));
  EXPECT_FALSE(read_text_file("/dev/zero"));
}

TEST_F(TextFile, APipeIsReadToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "abc", 3), 3);
  ::close(ends[1]);
  EXPECT_EQ(read_text_file("/proc/self/fd/" + std::to_string(ends[0])).value(), "abc");
  ::close(ends[0]);
}

}  // namespace
}  // namespace tidegate::config
