// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fake_agent.hpp"

#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace tidegate::cli::test {
namespace {

std::filesystem::path make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "tidegate-cli-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory for the test");
  return name;
}

}  // namespace

grpc::Status FakeStatus::Events(grpc::ServerContext* context, const v1::EventsRequest* request,
                                grpc::ServerWriter<v1::Event>* writer) {
  events_asked = *request;
  for (const v1::Event& event : events) writer->Write(event);
  while (endless && !context->IsCancelled()) std::this_thread::yield();
  return grpc::Status::OK;
}

grpc::Status FakeDecisions::List(grpc::ServerContext*, const v1::ListDecisionsRequest* request,
                                 grpc::ServerWriter<v1::Decision>* writer) {
  list_asked = *request;
  for (const v1::Decision& each : list) writer->Write(each);
  return grpc::Status::OK;
}

grpc::Status FakeDecisions::Import(grpc::ServerContext*, grpc::ServerReader<v1::ImportRequest>* reader,
                                   v1::ImportResponse* response) {
  v1::ImportRequest request;
  while (reader->Read(&request)) {
    if (request.has_header()) import_header = request.header();
    import_text += request.chunk();
  }
  *response = import_response;
  return grpc::Status::OK;
}

FakeAgent::FakeAgent() : directory_(make_directory()) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket(), grpc::InsecureServerCredentials());
  for (grpc::Service* service :
       std::initializer_list<grpc::Service*>{&status, &datapath, &policy, &decisions, &safelist}) {
    builder.RegisterService(service);
  }
  server_ = builder.BuildAndStart();
}

FakeAgent::~FakeAgent() {
  server_->Shutdown();
  server_->Wait();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

v1::Decision decision(std::int64_t id, const std::string& target, const std::string& origin,
                      const std::string& reason) {
  v1::Decision made;
  made.set_id(id);
  made.set_target(target);
  made.set_action(v1::ACTION_BLOCK);
  made.set_origin(origin);
  made.set_reason(reason);
  made.mutable_created()->set_seconds(kNow);
  made.set_actor("uid:0");
  return made;
}

}  // namespace tidegate::cli::test
