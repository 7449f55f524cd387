#include <ostream>

#include "agent/answers_json.h"
#include "agent/cli/commands.h"

namespace waybill::agent::cli {

ExitCode Context::fail(ExitCode code, const Error& error) const {
  if (options.json) {
    out << to_json(error) << "\n";
  } else {
    err << "waybill: " << error.describe() << "\n";
  }
  return code;
}

ExitCode Context::fail(const Client::Failure& failure) const {
  if (!failure.unreachable) {
    const bool usage = failure.error.code == ErrorCode::BadInput;
    return fail(usage ? ExitCode::Usage : ExitCode::Failed, failure.error);
  }
  if (!config_error) return fail(ExitCode::Unreachable, failure.error);
  Error error = *config_error;
  error.message = failure.error.describe() + "; and the configuration is wrong: " + error.message;
  return fail(ExitCode::BadConfiguration, error);
}

Client::Parameters Context::where() const {
  if (options.path.empty()) return {};
  return {{"path", options.path}, {"cwd", cwd}};
}

Result<std::unique_ptr<catalog::Reader>> Context::open_catalog() const {
  return catalog::Reader::open(state_dir);
}

}  // namespace waybill::agent::cli
