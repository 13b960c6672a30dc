// SPDX-License-Identifier: Apache-2.0
// grpc.health.v1.Health/Check without its proto, which Debian does not install: an empty request, and one enum back.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

namespace tidegate::api {

enum class Health { kUnknown = 0, kServing = 1, kNotServing = 2, kNoAnswer = -1 };

inline Health health_of(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice nothing("", 0);
  const grpc::ByteBuffer request(&nothing, 1);
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, &queue);
  void* tag = nullptr;
  bool done = false;
  queue.Next(&tag, &done);
  std::vector<grpc::Slice> slices;
  if (!done || !status.ok() || !answer.Dump(&slices).ok()) return Health::kNoAnswer;
  std::string bytes;
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  // Field 1, a varint: 0x08 and the value.
  return bytes.size() == 2 && bytes[0] == 0x08 ? static_cast<Health>(bytes[1]) : Health::kUnknown;
}

}  // namespace tidegate::api
