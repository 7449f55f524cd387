#include <algorithm>
#include <string>
#include <string_view>

#include "tests/s3server/behaviour_script.h"
#include "tests/s3server/encoding.h"
#include "tests/s3server/json.h"
#include "tests/s3server/service.h"

// The control requests; README.md lists them. They carry no signature and leave no trace in the
// log.
namespace waybill::s3server {
namespace {

void answer(Response& response, int status, std::string text) {
  response.status = status;
  response.set_header("Content-Type", text.starts_with('[') || text.starts_with('{')
                                          ? "application/json"
                                          : "text/plain");
  response.body = std::move(text);
}

std::string parameter(const Request& request, std::string_view name) {
  std::string_view query = request.query;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return percent_decode(pair.substr(name.size() + 1), true).value_or("");
    }
  }
  return {};
}

bool control_faults(S3Service& service, S3Exchange& exchange) {
  const std::string_view method = exchange.request.method;
  if (method == "DELETE") {
    service.world.faults.replace({});
    answer(exchange.response, 200, "no faults\n");
    return true;
  }
  if (method != "PUT" && method != "POST") return false;
  std::string error;
  auto faults = parse_faults(exchange.body->text(), error);
  if (!faults) {
    answer(exchange.response, 400, error + "\n");
    return true;
  }
  const std::string count = std::to_string(faults->size());
  if (method == "PUT") {
    service.world.faults.replace(std::move(*faults));
  } else {
    for (Fault& fault : *faults) service.world.faults.add(std::move(fault));
  }
  answer(exchange.response, 200, count + " faults\n");
  return true;
}

bool control_behaviour(S3Service& service, S3Exchange& exchange) {
  if (exchange.request.method != "PUT") return false;
  Behaviour behaviour = *service.world.behaviour();
  std::string error;
  if (!parse_behaviour(exchange.body->text(), behaviour, error)) {
    answer(exchange.response, 400, error + "\n");
    return true;
  }
  service.world.set_behaviour(behaviour);
  answer(exchange.response, 200, "done\n");
  return true;
}

bool control_log(S3Service& service, S3Exchange& exchange) {
  if (exchange.request.method == "DELETE") {
    service.world.log.clear();
    answer(exchange.response, 200, "cleared\n");
    return true;
  }
  if (exchange.request.method != "GET") return false;
  answer(exchange.response, 200, to_json(service.world.log.records()));
  return true;
}

}  // namespace

void handle_control(S3Service& service, S3Exchange& exchange) {
  const Request& request = exchange.request;
  const std::string_view what = request.path.substr(std::string_view("/_control/").size());
  bool done = false;
  if (what == "faults") {
    done = control_faults(service, exchange);
  } else if (what == "behaviour") {
    done = control_behaviour(service, exchange);
  } else if (what == "log") {
    done = control_log(service, exchange);
  } else if (what == "counters" && request.method == "GET") {
    answer(exchange.response, 200, counters_to_json(service.world.log));
    done = true;
  } else if (what == "history" && request.method == "GET") {
    answer(
        exchange.response, 200,
        to_json(service.world.history.of(parameter(request, "bucket"), parameter(request, "key"))));
    done = true;
  } else if (what == "release" && request.method == "POST") {
    answer(exchange.response, 200, std::to_string(service.release_held()) + " applied\n");
    done = true;
  }
  if (!done) answer(exchange.response, 404, "no such control; see tests/s3server/README.md\n");
  if (request.method == "HEAD") exchange.response.bodyless_size = exchange.response.body.size();
}

}  // namespace waybill::s3server
