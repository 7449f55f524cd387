#include "agent/control_desk.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "agent/answers_json.h"
#include "agent/metrics.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds slice{100};  // how late a stop may be noticed
constexpr milliseconds longest_patience{30'000};
constexpr int most_long_polls = 4;  // of the server's threads: the others stay free for the rest
constexpr std::size_t most_waits = 256;
constexpr std::size_t most_unrecorded = 20'000;
constexpr auto forgotten_after = std::chrono::minutes(2);

int http_status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::BadInput:
      return 400;
    case ErrorCode::NotFound:
      return 404;
    case ErrorCode::Throttled:
      return 429;
    case ErrorCode::Internal:
      return 500;
    default:
      return 503;
  }
}

Result<std::int64_t> number(const ControlDesk::Parameter& parameter, const char* name,
                            std::int64_t missing) {
  const auto text = parameter(name);
  if (!text) return missing;
  std::int64_t value = 0;
  const char* const last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, value);
  if (error != std::errc() || end != last || value < 0) {
    return fail(ErrorCode::BadInput,
                std::string(name) + "=" + printable(*text) + ": not a whole number");
  }
  return value;
}

Failure busy(const std::string& what) {
  return fail(ErrorCode::RetryLater,
              "waybilld did not answer in time " + what + "; its log says what keeps it");
}

// Until there is a first status.
Error starting() {
  return {.code = ErrorCode::RetryLater,
          .message =
              "waybilld is still starting: it opens its catalog, of which it reads all after "
              "an unclean stop or an upgrade"};
}

}  // namespace

ControlDesk::ControlDesk(std::string state_dir, ControlServer::Hooks hooks)
    : state_dir_(std::move(state_dir)), hooks_(std::move(hooks)) {}

ControlDesk::Answer ControlDesk::refusal(const Error& error) {
  return {http_status_of(error.code), to_json(error)};
}

StatusPtr ControlDesk::status_now() const {
  return hooks_.status ? hooks_.status() : nullptr;
}

std::vector<KnownFolder> ControlDesk::folders_now() const {
  std::vector<KnownFolder> folders;
  if (const StatusPtr status = status_now()) {
    for (const FolderView& folder : status->folders) {
      folders.push_back({folder.id, folder.name, folder.path});
    }
  }
  return folders;
}

template <typename T>
Result<T> ControlDesk::with_catalog(const std::function<Result<T>(catalog::Reader&)>& read) {
  const MutexLock lock(mu_);
  if (!reader_) {
    auto opened = catalog::Reader::open(state_dir_);
    if (!opened) return fail(std::move(opened.error()));
    reader_ = std::move(*opened);
  }
  auto result = read(*reader_);
  const bool ours = !result && (result.error().code == ErrorCode::NotFound ||
                                result.error().code == ErrorCode::BadInput);
  if (!result && !ours) reader_.reset();
  return result;
}

// The thread that serves a client is not coord's: it may wait, but not for ever, and not past the
// end.
template <typename T>
std::optional<T> ControlDesk::reply_of(std::future<T>& future) const {
  const auto deadline = steady_clock::now() + hooks_.coord_patience;
  while (!stopping_.load()) {
    const auto left = std::max<Nanoseconds>(Nanoseconds::zero(), deadline - steady_clock::now());
    if (future.wait_for(std::min<Nanoseconds>(slice, left)) == std::future_status::ready) {
      try {
        return future.get();
      } catch (const std::future_error&) {
        return std::nullopt;  // coord ended and left the promise broken
      }
    }
    if (left == Nanoseconds::zero()) break;
  }
  return std::nullopt;
}

Result<std::optional<Target>> ControlDesk::target_of(const Parameter& parameter) {
  const auto path = parameter("path");
  const auto name = parameter("folder");
  const std::vector<KnownFolder> folders = folders_now();
  std::vector<KnownFolder> chosen;
  for (const KnownFolder& folder : folders) {
    if (!name || folder.name == *name) chosen.push_back(folder);
  }
  if (name && chosen.empty()) {
    return fail(ErrorCode::NotFound, "there is no folder named " + printable(*name));
  }
  if (!path) {
    if (!name) return std::optional<Target>();
    return std::optional<Target>({chosen.front(), ""});
  }
  // A path that comes with its folder's name is meant from there.
  const std::string cwd = name ? chosen.front().path : parameter("cwd").value_or("/");
  auto target = with_catalog<Target>(
      [&](catalog::Reader& reader) { return locate(reader, chosen, *path, cwd); });
  if (!target) return fail(std::move(target.error()));
  return std::optional<Target>(std::move(*target));
}

ControlDesk::Answer ControlDesk::status() {
  const StatusPtr current = status_now();
  if (!current) {
    return refusal(starting());
  }
  Status status = *current;
  if (status.catalog_bytes == 0) {
    status.catalog_bytes = with_catalog<std::int64_t>([](catalog::Reader& reader) {
                             return reader.size_bytes();
                           }).value_or(0);
  }
  return {200, to_json(status, true)};
}

ControlDesk::Answer ControlDesk::metrics() {
  const StatusPtr current = status_now();
  if (!current) {
    return refusal(starting());
  }
  return {200, metrics_text(*current)};
}

ControlDesk::Answer ControlDesk::files(const Parameter& parameter) {
  FileFilter filter;
  if (const auto name = parameter("state")) {
    filter.state = catalog::file_state_from(*name);
    if (!filter.state) {
      return refusal({.code = ErrorCode::BadInput,
                      .message = "state=" + printable(*name) + ": there is no such state"});
    }
  }
  const auto after = number(parameter, "after", 0);
  if (!after) return refusal(after.error());
  const auto limit = number(parameter, "limit", 1000);
  if (!limit) return refusal(limit.error());
  filter.after = *after;
  filter.limit = static_cast<std::size_t>(*limit);
  auto target = target_of(parameter);
  if (!target) return refusal(target.error());
  filter.target = std::move(*target);
  const auto list =
      with_catalog<FileList>([&](catalog::Reader& reader) { return list_files(reader, filter); });
  if (!list) return refusal(list.error());
  return {200, to_json(*list)};
}

ControlDesk::Answer ControlDesk::unrecorded(const Parameter& parameter) {
  const std::string what = parameter("what").value_or("ignored");
  if (what != "ignored" && what != "settling") {
    return refusal({.code = ErrorCode::BadInput,
                    .message = "what=" + printable(what) + ": it is ignored or settling"});
  }
  const auto limit = number(parameter, "limit", 1000);
  if (!limit) return refusal(limit.error());
  auto target = target_of(parameter);
  if (!target) return refusal(target.error());
  ListUnrecorded question{
      .ignored = what == "ignored",
      .limit = std::clamp<std::size_t>(static_cast<std::size_t>(*limit), 1, most_unrecorded)};
  if (*target) {
    question.folder = (*target)->folder.id;
    question.path = (*target)->path;
  }
  auto future = question.reply.get_future();
  hooks_.post(std::move(question));
  auto found = reply_of(future);
  if (!found) return refusal(busy("what it knows beyond the catalog").value());
  const std::vector<KnownFolder> folders = folders_now();
  UnrecordedList list{.files = {}, .complete = found->complete};
  for (UnrecordedFile& file : found->files) {
    const auto folder =
        std::find_if(folders.begin(), folders.end(),
                     [&file](const KnownFolder& known) { return known.id == file.folder; });
    if (folder == folders.end()) continue;
    list.files.push_back({folder->name, folder->path, std::move(file)});
  }
  return {200, to_json(list)};
}

ControlDesk::Answer ControlDesk::file(const Parameter& parameter) {
  auto target = target_of(parameter);
  if (!target) return refusal(target.error());
  if (!*target || (*target)->path.empty()) {
    return refusal({.code = ErrorCode::BadInput,
                    .message = *target ? "this is a folder; `waybill ls` lists what is in it"
                                       : "path is missing: which file?"});
  }
  auto story =
      with_catalog<FileStory>([&](catalog::Reader& reader) { return tell(reader, **target); });
  if (!story) return refusal(story.error());

  Explain question{.folder = (*target)->folder.id, .path = (*target)->path};
  auto future = question.reply.get_future();
  hooks_.post(std::move(question));
  auto now = reply_of(future);
  if (!now && !story->file) return refusal(busy("what it is doing").value());
  if (!now) {
    now = FileView{.phase = "unknown",
                   .explanation = "waybilld did not say in time what it is doing with this file"};
  }
  story->now = std::move(*now);
  const bool under_way = !story->now.phase.empty() || !story->now.explanation.empty();
  if (!story->file && !story->renamed && !under_way) {
    return refusal({.code = ErrorCode::NotFound,
                    .message = printable((*target)->folder.path + "/" + (*target)->path) +
                               " is in a watched folder, but no file that Waybill has seen: not "
                               "there, ignored by its name, or no regular file"});
  }
  if (const StatusPtr current = status_now()) story->reasons = concerning(*story, current->reasons);
  return {200, to_json(*story)};
}

void ControlDesk::drop_forgotten_waits() {
  const auto now = steady_clock::now();
  std::erase_if(waits_,
                [now](const auto& entry) { return now - entry.second.asked_at > forgotten_after; });
}

ControlDesk::Answer ControlDesk::start_wait(const Parameter& parameter) {
  auto target = target_of(parameter);
  if (!target) return refusal(target.error());
  // First what the kernel holds, then the question: "all that was there" includes the last file.
  if (hooks_.drain_watcher) hooks_.drain_watcher();
  StartWait question{
      .folder = std::nullopt, .path_prefix = "", .ticket = std::make_shared<WaitTicket>()};
  if (*target) {
    question.folder = (*target)->folder.id;
    question.path_prefix = (*target)->path;
  }
  WaitAnswer answer;
  {
    const MutexLock lock(mu_);
    drop_forgotten_waits();
    if (waits_.size() >= most_waits) {
      return refusal(
          {.code = ErrorCode::Throttled, .message = "too many clients are waiting already"});
    }
    answer.id = random_.id128();
    waits_[answer.id] = {question.ticket, steady_clock::now()};
  }
  hooks_.post(std::move(question));
  return {200, to_json(answer)};
}

ControlDesk::Answer ControlDesk::wait(const std::string& id, const Parameter& parameter) {
  const auto asked = number(parameter, "patience_ms", 10'000);
  if (!asked) return refusal(asked.error());
  std::shared_ptr<WaitTicket> ticket;
  {
    const MutexLock lock(mu_);
    drop_forgotten_waits();
    const auto found = waits_.find(id);
    if (found != waits_.end()) {
      ticket = found->second.ticket;
      found->second.asked_at = steady_clock::now() + longest_patience;
    }
  }
  if (!ticket) {
    return refusal({.code = ErrorCode::NotFound, .message = "there is no such wait (any more)"});
  }
  WaitAnswer answer{.id = id, .progress = ticket->wait(Nanoseconds::zero())};
  if (long_polls_.fetch_add(1) < most_long_polls) {
    const auto deadline =
        steady_clock::now() +
        std::min(milliseconds(std::min<std::int64_t>(*asked, 1 << 30)), longest_patience);
    while (!answer.progress.done() && !stopping_.load() && steady_clock::now() < deadline) {
      const auto left = deadline - steady_clock::now();
      answer.progress = ticket->wait(std::clamp<Nanoseconds>(left, Nanoseconds::zero(), slice));
    }
  }
  long_polls_.fetch_sub(1);
  if (answer.progress.done()) {
    const MutexLock lock(mu_);
    waits_.erase(id);
  }
  return {200, to_json(answer)};
}

ControlDesk::Answer ControlDesk::retry(const Parameter& parameter) {
  auto target = target_of(parameter);
  if (!target) return refusal(target.error());
  Retry question;
  if (*target) {
    question.folder = (*target)->folder.id;
    question.path = (*target)->path;
  }
  auto future = question.reply.get_future();
  hooks_.post(std::move(question));
  const auto files = reply_of(future);
  if (!files) return refusal(busy("how many files go again").value());
  return {200, to_json(RetryAnswer{.files = *files})};
}

ControlDesk::Answer ControlDesk::accept(const Parameter& parameter) {
  auto target = target_of(parameter);
  if (!target) return refusal(target.error());
  if (!*target) {
    return refusal({.code = ErrorCode::BadInput, .message = "accept needs a path"});
  }
  AcceptMount question{.folder = (*target)->folder.id, .path = (*target)->path, .reply = {}};
  auto future = question.reply.get_future();
  hooks_.post(std::move(question));
  const auto accepted = reply_of(future);
  if (!accepted) return refusal(busy("whether it was accepted").value());
  return {200, to_json(AcceptAnswer{.accepted = *accepted})};
}

}  // namespace waybill::agent
