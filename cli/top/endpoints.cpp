// SPDX-License-Identifier: Apache-2.0
#include "cli/top/endpoints.hpp"

#include <algorithm>
#include <cstdio>

#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

using ::tidegate::v1::EndpointFigures;
using ::tidegate::v1::TopRow;

constexpr std::size_t kNumbers = 8 + 8 + 8 + 9 + 9;
constexpr std::size_t kService = 12;
constexpr int kClientError = 4;
constexpr int kServerError = 5;

std::string cell(const std::string& text, std::size_t width, bool right) {
  const std::string shown = shorten(escape_text(text), width);
  const std::string blanks(width - display_width(shown), ' ');
  return right ? blanks + shown : shown + blanks;
}

std::string milliseconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f ms" : "%.0f ms", value);
  return text;
}

std::string share_of(const EndpointFigures& endpoint, int status_class) {
  if (endpoint.by_class_size() <= status_class || endpoint.requests() == 0) return "-";
  return percent(endpoint.by_class(status_class), endpoint.requests());
}

bool fails(const EndpointFigures& endpoint, int status_class) {
  return endpoint.by_class_size() > status_class && endpoint.by_class(status_class) > 0;
}

std::string endpoint_name(const EndpointFigures& endpoint) {
  return endpoint.method().empty() ? endpoint.path_template() : endpoint.method() + " " + endpoint.path_template();
}

Line header_line(std::size_t name) {
  return {{cell("ENDPOINT", name, false) + cell(" SERVICE", kService, false) + cell("REQ/S", 8, true) +
               cell("4XX", 8, true) + cell("5XX", 8, true) + cell("P50", 9, true) + cell("P99", 9, true),
           Paint::kBold}};
}

Line row_line(const TopRow& row, std::size_t name) {
  const EndpointFigures& endpoint = row.endpoint();
  return {
      {cell(endpoint_name(endpoint), name, false)},
      {cell(" " + row.service(), kService, false), Paint::kDim},
      {cell(short_count(endpoint.requests_per_second()), 8, true), Paint::kGreen},
      {cell(share_of(endpoint, kClientError), 8, true), fails(endpoint, kClientError) ? Paint::kYellow : Paint::kPlain},
      {cell(share_of(endpoint, kServerError), 8, true), fails(endpoint, kServerError) ? Paint::kRed : Paint::kPlain},
      {cell(milliseconds(endpoint.median_ms()), 9, true)},
      {cell(milliseconds(endpoint.p99_ms()), 9, true)}};
}

}  // namespace

std::vector<Line> endpoint_lines(const ::tidegate::v1::TopResponse& response, std::size_t width) {
  const std::size_t numbers = kNumbers + kService;
  const std::size_t name = std::max<std::size_t>(width > numbers ? width - numbers : 0, 12);
  std::vector<Line> lines{header_line(name)};
  for (const TopRow& row : response.rows()) lines.push_back(row_line(row, name));
  return lines;
}

void print_endpoints(std::ostream& out, const Style& style, const ::tidegate::v1::TopResponse& response) {
  Table table(out, style,
              {{"ENDPOINT"},
               {"SERVICE"},
               {"REQ/S", Align::kRight},
               {"REQUESTS", Align::kRight},
               {"4XX", Align::kRight},
               {"5XX", Align::kRight},
               {"P50", Align::kRight},
               {"P99", Align::kRight},
               {"SENT", Align::kRight}});
  for (const TopRow& row : response.rows()) {
    const EndpointFigures& endpoint = row.endpoint();
    table.add({endpoint_name(endpoint),
               row.service(),
               short_count(endpoint.requests_per_second()),
               short_count(static_cast<double>(endpoint.requests())),
               {share_of(endpoint, kClientError), fails(endpoint, kClientError) ? Paint::kYellow : Paint::kPlain},
               {share_of(endpoint, kServerError), fails(endpoint, kServerError) ? Paint::kRed : Paint::kPlain},
               milliseconds(endpoint.median_ms()),
               milliseconds(endpoint.p99_ms()),
               short_bytes(endpoint.response_bytes())});
  }
}

}  // namespace tidegate::cli
