// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/api_codec.hpp"

namespace tidegate::inspect::wire {
namespace {

template <typename Items, typename Put>
void put_list(Writer& writer, const Items& items, Put put) {
  writer.number(items.size());
  for (const auto& item : items) put(item);
}

// `most` bounds what is believed of a count; every item takes at least a byte, so memory follows what was sent.
template <typename Item, typename Take>
void take_list(Reader& reader, std::vector<Item>& items, std::size_t most, Take take) {
  const std::uint64_t count = reader.number(most);
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) items.push_back(take());
}

void put(Writer& writer, const std::string& text) { writer.text(text, kLongestApiText); }

std::uint32_t index(Reader& reader) { return reader.small<std::uint32_t>(); }

void put_indexes(Writer& writer, const std::vector<std::uint32_t>& indexes) {
  put_list(writer, indexes, [&](std::uint32_t i) { writer.number(i); });
}

void take_indexes(Reader& reader, std::vector<std::uint32_t>& indexes, std::size_t most) {
  take_list(reader, indexes, most, [&] { return index(reader); });
}

template <typename Enum>
Enum take_enum(Reader& reader, Enum last) {
  const std::uint8_t value = reader.byte();
  if (value > static_cast<std::uint8_t>(last)) reader.fail();
  return static_cast<Enum>(value);
}

void put(Writer& writer, const Decimal& number) {
  writer.number(number.digits);
  writer.number(static_cast<std::uint32_t>(number.exponent));
  writer.byte(static_cast<std::uint8_t>((number.negative ? 1 : 0) | (number.exact ? 2 : 0) | (number.whole ? 4 : 0)));
}

Decimal take_decimal(Reader& reader) {
  Decimal number;
  number.digits = reader.number();
  number.exponent = static_cast<std::int32_t>(index(reader));
  const std::uint8_t bits = reader.byte();
  if (bits > 7 || number.exponent > 20'000 || number.exponent < -20'000) reader.fail();
  number.negative = (bits & 1) != 0;
  number.exact = (bits & 2) != 0;
  number.whole = (bits & 4) != 0;
  return number;
}

void put(Writer& writer, const std::optional<Decimal>& number) {
  writer.flag(number.has_value());
  if (number) put(writer, *number);
}

std::optional<Decimal> take_optional_decimal(Reader& reader) {
  return reader.flag() ? std::optional(take_decimal(reader)) : std::nullopt;
}

void put_bounds(Writer& writer, const std::vector<ApiBound>& bounds) {
  put_list(writer, bounds, [&](const ApiBound& bound) {
    put(writer, bound.value);
    writer.flag(bound.exclusive);
  });
}

void take_bounds(Reader& reader, std::vector<ApiBound>& bounds) {
  take_list(reader, bounds, kMostBranches, [&] {
    const Decimal value = take_decimal(reader);
    return ApiBound{value, reader.flag()};
  });
}

void put(Writer& writer, const ApiSchema& schema) {
  writer.byte(schema.types);
  writer.byte(static_cast<std::uint8_t>(schema.format));
  writer.flag(schema.uncertain);
  writer.flag(schema.listed);
  put_list(writer, schema.values, [&](const ApiValue& value) {
    put(writer, value.text);
    put(writer, value.number);
  });
  put_bounds(writer, schema.least);
  put_bounds(writer, schema.most);
  put(writer, schema.multiple_of);
  for (const std::uint32_t number :
       {schema.shortest, schema.longest, schema.pattern, schema.fewest, schema.fullest, schema.items, schema.none}) {
    writer.number(number);
  }
  put_indexes(writer, schema.all);
  put_indexes(writer, schema.any);
  put_indexes(writer, schema.one);
}

ApiSchema take_schema(Reader& reader) {
  ApiSchema schema;
  schema.types = reader.byte();
  schema.format = take_enum(reader, ApiFormat::kInt64);
  schema.uncertain = reader.flag();
  schema.listed = reader.flag();
  take_list(reader, schema.values, kMostApiValues, [&] {
    std::string text = reader.text(kLongestApiText);
    return ApiValue{std::move(text), take_optional_decimal(reader)};
  });
  take_bounds(reader, schema.least);
  take_bounds(reader, schema.most);
  schema.multiple_of = take_optional_decimal(reader);
  for (std::uint32_t* number : {&schema.shortest, &schema.longest, &schema.pattern, &schema.fewest, &schema.fullest,
                                &schema.items, &schema.none}) {
    *number = index(reader);
  }
  take_indexes(reader, schema.all, kMostBranches);
  take_indexes(reader, schema.any, kMostBranches);
  take_indexes(reader, schema.one, kMostBranches);
  return schema;
}

void put(Writer& writer, const ApiParameter& parameter) {
  put(writer, parameter.name);
  writer.byte(static_cast<std::uint8_t>(parameter.style));
  writer.flag(parameter.required);
  writer.flag(parameter.may_be_empty);
  writer.number(parameter.schema);
}

ApiParameter take_parameter(Reader& reader) {
  ApiParameter parameter;
  reader.text(parameter.name, kLongestApiText);
  parameter.style = take_enum(reader, ApiStyle::kPrefix);
  parameter.required = reader.flag();
  parameter.may_be_empty = reader.flag();
  parameter.schema = index(reader);
  return parameter;
}

void put(Writer& writer, const ApiOperation& operation) {
  put(writer, operation.method);
  writer.flag(operation.deprecated);
  writer.flag(operation.any_query);
  put_indexes(writer, operation.path);
  put_indexes(writer, operation.query);
}

ApiOperation take_operation(Reader& reader) {
  ApiOperation operation;
  reader.text(operation.method, kLongestApiText);
  operation.deprecated = reader.flag();
  operation.any_query = reader.flag();
  take_indexes(reader, operation.path, kMostSegments * kMostPieces);
  take_indexes(reader, operation.query, kMostQueryParameters);
  return operation;
}

void put(Writer& writer, const ApiPath& path) {
  put_list(writer, path.segments, [&](const ApiSegment& segment) {
    put_list(writer, segment, [&](const ApiPiece& piece) {
      put(writer, piece.literal);
      writer.number(piece.variable);
    });
  });
  put_indexes(writer, path.operations);
}

ApiPath take_path(Reader& reader) {
  ApiPath path;
  take_list(reader, path.segments, kMostSegments, [&] {
    ApiSegment segment;
    take_list(reader, segment, kMostPieces, [&] {
      std::string literal = reader.text(kLongestApiText);
      return ApiPiece{std::move(literal), index(reader)};
    });
    return segment;
  });
  take_indexes(reader, path.operations, kMostBranches);
  return path;
}

}  // namespace

void put_api(Writer& writer, const ApiDescription& api) {
  const auto one = [&](const auto& item) { put(writer, item); };
  put_list(writer, api.paths, one);
  put_list(writer, api.operations, one);
  put_list(writer, api.parameters, one);
  put_list(writer, api.schemas, one);
  put_list(writer, api.patterns, one);
  put_list(writer, api.query_keys, one);
}

std::shared_ptr<const ApiDescription> take_api(Reader& reader) {
  auto api = std::make_shared<ApiDescription>();
  const auto text = [&] { return reader.text(kLongestApiText); };
  take_list(reader, api->paths, kMostApiPaths, [&] { return take_path(reader); });
  take_list(reader, api->operations, kMostOperations, [&] { return take_operation(reader); });
  take_list(reader, api->parameters, kMostParameters, [&] { return take_parameter(reader); });
  take_list(reader, api->schemas, kMostSchemas, [&] { return take_schema(reader); });
  take_list(reader, api->patterns, kMostApiPatterns, text);
  take_list(reader, api->query_keys, kMostQueryParameters, text);
  if (!is_sound(*api)) reader.fail();
  return api;
}

std::size_t bytes_of(const ApiDescription& api) {
  std::vector<std::byte> bytes;
  Writer writer(bytes);
  put_api(writer, api);
  return bytes.size();
}

}  // namespace tidegate::inspect::wire
