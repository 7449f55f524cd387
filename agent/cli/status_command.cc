#include <ostream>

#include "agent/answers_json.h"
#include "agent/cli/commands.h"
#include "agent/cli/render_status.h"

namespace waybill::agent::cli {
namespace {

// Read-only from the catalog: better than nothing, and it says that it is.
ExitCode offline_status(const Context& context, const Client::Failure& failure) {
  auto reader = context.open_catalog();
  auto status = reader ? status_from(**reader) : Result<Status>(tl::unexpect, reader.error());
  if (!status) {
    if (status.error().code != ErrorCode::SourceGone) {
      context.err << "waybill: the catalog cannot be read either: " << status.error().describe()
                  << "\n";
    }
    return context.fail(failure);
  }
  status->at = context.now;
  status->state_dir = context.state_dir;
  status->reasons.insert(status->reasons.begin(),
                         {.code = "daemon-unreachable",
                          .severity = Severity::Blocked,
                          .sentence = failure.error.describe(),
                          .help = "what is shown comes from the catalog alone"});
  if (context.options.json) {
    context.out << to_json(*status, false) << "\n";
  } else {
    context.out << render_status(*status, false, context.now, context.style);
  }
  if (!context.config_error) return ExitCode::Unreachable;
  context.err << "waybill: the configuration is wrong: " << context.config_error->describe()
              << "\n";
  return ExitCode::BadConfiguration;
}

}  // namespace

ExitCode run_status(const Context& context) {
  const auto body = context.client.get("/v1/status");
  if (!body) {
    return body.error().unreachable ? offline_status(context, body.error())
                                    : context.fail(body.error());
  }
  const auto status = status_from_json(*body);
  if (!status) return context.fail(ExitCode::Failed, status.error());
  if (context.options.json) {
    context.out << *body << "\n";
  } else {
    context.out << render_status(*status, true, context.now, context.style);
  }
  return exit_code(status->reasons);
}

}  // namespace waybill::agent::cli
