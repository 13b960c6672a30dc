// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include "cli/client.hpp"
#include "cli/command/common.hpp"
#include "cli/command/decisions.hpp"
#include "cli/format/escape.hpp"
#include "cli/progress.hpp"

namespace tidegate::cli {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

struct ImportOptions {
  std::string file;
  std::string origin;
  std::string format = "auto";
  bool force = false;
};

// The bytes to import: a file or standard input.
struct Source {
  std::string name;
  std::ifstream file;
  std::istream* stream = nullptr;
  std::uint64_t size = 0;  // 0: unknown
};

Outcome<Source> open_source(Context& context, const std::string& file) {
  if (file == "-") return Source{"<stdin>", {}, &context.environment().in, 0};
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    return refuse(file + " is a directory; name a file or - for standard input");
  Source source{file, std::ifstream(file, std::ios::binary), nullptr, 0};
  if (!source.file) return std::unexpected(Failure(fail_errno(errno, "cannot read " + file).error()));
  source.size = std::filesystem::file_size(file, error);
  if (error) source.size = 0;
  return source;
}

v1::ImportHeader header_of(const ImportOptions& options, const Environment& environment) {
  v1::ImportHeader header;
  header.set_origin(options.origin);
  header.set_force(options.force);
  if (options.format == "plain") header.set_format(v1::ImportHeader::PLAIN);
  if (options.format == "json") header.set_format(v1::ImportHeader::JSON);
  if (options.format == "csv") header.set_format(v1::ImportHeader::CSV);
  for (const std::string& peer : caller_peers(environment)) header.add_caller_peers(peer);
  return header;
}

Client::NextChunk chunks_of(Source& source, Progress& progress) {
  return [&source, &progress, sent = std::uint64_t{0}]() mutable -> Outcome<std::optional<std::string>> {
    std::string chunk(kChunk, '\0');
    std::istream& in = source.stream != nullptr ? *source.stream : source.file;
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    chunk.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad()) return refuse("cannot read " + source.name + " to its end; nothing was imported");
    if (chunk.empty()) return std::nullopt;
    sent += chunk.size();
    progress.at(sent);
    return chunk;
  };
}

Outcome<> report_errors(Context& context, const std::string& name, const v1::ImportResponse& response) {
  if (response.error_count() == 0 && response.errors().empty()) return {};
  for (const v1::ImportError& error : response.errors()) {
    context.environment().err << escape_text(name) << ':' << error.line() << ": " << escape_text(error.message())
                              << '\n';
  }
  const std::uint64_t count = std::max<std::uint64_t>(response.error_count(), response.errors().size());
  return refuse(name + ": " + plural(count, "bad line") + "; nothing was imported");
}

Outcome<> import(Context& context, const ImportOptions& options) {
  TIDEGATE_ASSIGN(Source source, open_source(context, options.file));
  Progress progress(context.environment(), "importing", source.size);
  auto response =
      context.client().import_decisions(header_of(options, context.environment()), chunks_of(source, progress));
  progress.clear();
  if (!response) return std::unexpected(std::move(response).error());
  TIDEGATE_TRY(report_errors(context, source.name, *response));
  context.output().show({{"imported", response->imported()}}, [&](std::ostream& out) {
    out << "imported " << plural(response->imported(), "decision") << '\n';
  });
  return {};
}

}  // namespace

void add_decisions_import(Command& decisions) {
  auto options = std::make_shared<ImportOptions>();
  Command command = decisions.add("import", "Add decisions from a file, all of them or none",
                                  "decisions import blocks.txt --origin scan\n"
                                  "decisions export --format json | ssh other tidegate decisions import -");
  command
      .positional("FILE", options->file,
                  "Lines of TARGET [DURATION] [REASON…], or an export in JSON or CSV; - is standard input")
      .required();
  command.option("--origin", options->origin, "O", "Names them (default: operator, or what the export says)");
  command.option("--format", options->format, "", "What the file is (auto: told from its first byte)")
      .one_of({"auto", "plain", "json", "csv"});
  command.flag("--force", options->force, "Override the lock-out guard; this is recorded");
  command.run([options](Context& context) { return import(context, *options); });
}

}  // namespace tidegate::cli
