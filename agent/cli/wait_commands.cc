#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <ostream>
#include <thread>

#include "agent/answers_json.h"
#include "agent/cli/commands.h"
#include "agent/units.h"
#include "base/bytes.h"

namespace waybill::agent::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds one_poll{10'000};
// Where the daemon has too many long polls it answers at once: then this is our pace.
constexpr milliseconds least_pace{200};

using Progress = tl::expected<WaitAnswer, Client::Failure>;

Progress read(const Client::Reply& body) {
  if (!body) return tl::unexpected(body.error());
  auto answer = wait_from_json(*body);
  if (!answer) return tl::unexpected(Client::Failure{false, std::move(answer.error())});
  return std::move(*answer);
}

// Asks until it is done or `deadline` has passed.
Progress follow(const Context& context, WaitAnswer answer,
                std::optional<steady_clock::time_point> deadline) {
  const std::string address = "/v1/wait/" + answer.id;
  while (!answer.progress.done()) {
    const auto begun = steady_clock::now();
    auto patience = one_poll;
    if (deadline) {
      if (begun >= *deadline) return answer;
      patience = std::min(patience, std::chrono::ceil<milliseconds>(*deadline - begun));
    }
    auto next =
        read(context.client.get(address, {{"patience_ms", std::to_string(patience.count())}}));
    if (!next) return next;
    answer = std::move(*next);
    const auto pace = std::min(least_pace, patience);
    if (!answer.progress.done() && steady_clock::now() - begun < pace) {
      std::this_thread::sleep_until(begun + pace);
    }
  }
  return answer;
}

// A wait for what is not there is over at once; whoever mistyped a name must hear of it.
std::optional<Error> nothing_there(const Context& context, const WaitAnswer& answer) {
  if (context.options.path.empty() || answer.progress.stored + answer.progress.blocked > 0) {
    return std::nullopt;
  }
  Client::Parameters parameters = context.where();
  parameters.emplace_back("limit", "1");
  const auto body = context.client.get("/v1/files", parameters);
  const auto list = body ? file_list_from_json(*body) : fail(body.error().error);
  if (!list) return list.error();
  if (!list->files.empty()) return std::nullopt;
  struct stat facts {};
  const auto path = std::filesystem::path(context.cwd) / context.options.path;
  const bool there = ::lstat(path.c_str(), &facts) == 0;
  if (there && S_ISDIR(facts.st_mode)) return std::nullopt;
  return Error{.code = ErrorCode::NotFound,
               .message = printable(context.options.path) +
                          (there ? " is not taken: ignored by its name, or no regular file"
                                 : ": there is no such file, and Waybill has seen none")};
}

ExitCode report(const Context& context, const WaitAnswer& answer) {
  const WaitTicket::Progress& progress = answer.progress;
  if (context.options.json) {
    context.out << to_json(answer) << "\n";
  } else if (progress.done()) {
    context.out << (progress.stored + progress.blocked == 0
                        ? "all is stored: nothing was on its way"
                        : with_thousands(progress.stored) + " stored, " +
                              with_thousands(progress.blocked) + " blocked")
                << "\n";
    if (progress.blocked > 0) context.err << "waybill: `waybill status` says what blocks them\n";
  } else {
    context.err << "waybill: not within " << context.options.timeout << ": "
                << (progress.started
                        ? plural(progress.remaining, "file is", "files are") + " still on the way"
                        : "what is on disk has not been looked through yet")
                << "; `waybill status` says why\n";
  }
  if (!progress.done()) return ExitCode::Failed;
  return progress.blocked > 0 ? exit_code(Severity::Blocked) : ExitCode::Fine;
}

}  // namespace

ExitCode run_wait(const Context& context) {
  std::optional<steady_clock::time_point> deadline;
  if (!context.options.timeout.empty()) {
    const auto timeout = parse_duration(context.options.timeout);
    if (!timeout) {
      return context.fail(ExitCode::Usage,
                          {.code = ErrorCode::BadInput,
                           .message = "--timeout " + printable(context.options.timeout) +
                                      ": not a duration; write it like 30s, 5m or 1h"});
    }
    // Beyond a year it is for ever.
    if (*timeout < std::chrono::hours(24 * 365)) deadline = steady_clock::now() + *timeout;
  }
  auto answer = read(context.client.post("/v1/wait", context.where()));
  if (answer) answer = follow(context, std::move(*answer), deadline);
  if (!answer) return context.fail(answer.error());
  if (answer->progress.done()) {
    if (auto missing = nothing_there(context, *answer)) {
      return context.fail(ExitCode::Failed, *missing);
    }
  }
  return report(context, *answer);
}

ExitCode run_accept(const Context& context) {
  const auto body = context.client.post("/v1/accept", context.where());
  if (!body) return context.fail(body.error());
  const auto answer = accept_from_json(*body);
  if (!answer) return context.fail(ExitCode::Failed, answer.error());
  if (!answer->accepted) {
    return context.fail(ExitCode::Failed,
                        {.code = ErrorCode::NotFound,
                         .message = printable(context.options.path) +
                                    ": nothing is missing there; `waybill status` names what is"});
  }
  if (context.options.json) {
    context.out << *body << "\n";
  } else {
    context.out << "what lies there now is what belongs there\n";
  }
  return ExitCode::Fine;
}

ExitCode run_retry(const Context& context) {
  if (context.options.path.empty() != context.options.all) {
    return context.fail(ExitCode::Usage,
                        {.code = ErrorCode::BadInput,
                         .message = "name a file or a directory, or say --all: one of the two"});
  }
  const auto body = context.client.post("/v1/retry", context.where());
  if (!body) return context.fail(body.error());
  const auto answer = retry_from_json(*body);
  if (!answer) return context.fail(ExitCode::Failed, answer.error());
  if (context.options.json) {
    context.out << *body << "\n";
  } else if (answer->files == 0) {
    context.out << "nothing was blocked or waiting for another try\n";
  } else {
    context.out << plural(answer->files, "file goes", "files go") << " again\n";
  }
  return ExitCode::Fine;
}

}  // namespace waybill::agent::cli
