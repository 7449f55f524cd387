#include <algorithm>
#include <functional>
#include <map>
#include <ostream>
#include <utility>

#include "agent/answers_json.h"
#include "agent/cli/commands.h"
#include "agent/cli/render_files.h"
#include "base/bytes.h"

namespace waybill::agent::cli {
namespace {

constexpr std::size_t page = 1000;
// Up to here all is sorted by path; beyond, files come in the order of their arrival, page by page.
constexpr std::size_t most_sorted = 20'000;

// One file after another, as one JSON document or as lines.
class Listing {
 public:
  explicit Listing(const Context& context) : context_(context) {
    if (context_.options.json) context_.out << R"({"files":[)";
  }
  void add(std::vector<FileAnswer> files) {
    // It still settled when that was asked for, and has got its row since.
    for (const FileAnswer& file : files) unrecorded_.erase({file.folder_path, file.path});
    std::move(files.begin(), files.end(), std::back_inserter(held_));
    if (held_.size() > most_sorted) flush();
  }
  void add(std::vector<UnrecordedAnswer> files) {
    for (UnrecordedAnswer& file : files) {
      std::pair<std::string, std::string> place(file.folder_path, file.file.path);
      unrecorded_.insert_or_assign(std::move(place), std::move(file));
    }
  }
  void finish() {
    std::sort(held_.begin(), held_.end(), [](const FileAnswer& a, const FileAnswer& b) {
      return std::tie(a.folder_path, a.path) < std::tie(b.folder_path, b.path);
    });
    flush();
    for (const auto& [place, file] : unrecorded_) {
      show(file, render_unrecorded_line(file, context_.style));
    }
    if (context_.options.json) context_.out << "],\"next\":null}\n";
  }

 private:
  void flush() {
    for (const FileAnswer& file : held_) show(file, render_file_line(file, context_.style));
    held_.clear();
  }
  template <typename Answer>
  void show(const Answer& answer, const std::string& line) {
    if (context_.options.json) {
      context_.out << (first_ ? "" : ",\n") << to_json(answer);
    } else {
      context_.out << line;
    }
    first_ = false;
  }

  const Context& context_;
  std::vector<FileAnswer> held_;
  // By folder and path; after the others, since they have no row yet.
  std::map<std::pair<std::string, std::string>, UnrecordedAnswer> unrecorded_;
  bool first_ = true;
};

using Page = tl::expected<FileList, Client::Failure>;

Page own_failure(Error error) {
  return tl::unexpected(Client::Failure{.unreachable = false, .error = std::move(error)});
}

Page ask_daemon(const Context& context, std::int64_t after) {
  Client::Parameters parameters = context.where();
  parameters.emplace_back("after", std::to_string(after));
  parameters.emplace_back("limit", std::to_string(page));
  if (!context.options.state.empty()) parameters.emplace_back("state", context.options.state);
  const auto body = context.client.get("/v1/files", parameters);
  if (!body) return tl::unexpected(body.error());
  auto list = file_list_from_json(*body);
  if (!list) return own_failure(std::move(list.error()));
  return std::move(*list);
}

using UnrecordedPage = tl::expected<UnrecordedList, Client::Failure>;

// What the daemon knows beyond the catalog.
UnrecordedPage ask_unrecorded(const Context& context, const char* what) {
  Client::Parameters parameters = context.where();
  parameters.emplace_back("what", what);
  parameters.emplace_back("limit", std::to_string(most_sorted));
  const auto body = context.client.get("/v1/unrecorded", parameters);
  if (!body) return tl::unexpected(body.error());
  auto list = unrecorded_list_from_json(*body);
  if (!list) {
    return tl::unexpected(Client::Failure{.unreachable = false, .error = std::move(list.error())});
  }
  return std::move(*list);
}

ExitCode cut(const Context& context) {
  context.err << "waybill: the list is not complete: there are more; name a directory\n";
  return ExitCode::Failed;
}

ExitCode list_unrecorded(const Context& context, const char* what) {
  auto list = ask_unrecorded(context, what);
  if (!list) return context.fail(list.error());
  Listing listing(context);
  listing.add(std::move(list->files));
  listing.finish();
  return list->complete ? ExitCode::Fine : cut(context);
}

Result<std::optional<Target>> offline_target(const Context& context, catalog::Reader& reader) {
  if (context.options.path.empty()) return std::nullopt;
  auto folders = known_folders(reader);
  if (!folders) return fail(std::move(folders.error()));
  auto target = locate(reader, *folders, context.options.path, context.cwd);
  if (!target) return fail(std::move(target.error()));
  return std::optional<Target>(std::move(*target));
}

ExitCode list_pages(const Context& context, const std::function<Page(std::int64_t)>& ask,
                    FileList first, std::vector<UnrecordedAnswer> settling = {}) {
  Listing listing(context);
  listing.add(std::move(settling));
  while (true) {
    const std::int64_t next = first.next;
    listing.add(std::move(first.files));
    if (next == 0) break;
    Page more = ask(next);
    if (!more) {
      listing.finish();
      context.err << "waybill: the list is not complete: " << more.error().error.describe() << "\n";
      return ExitCode::Failed;
    }
    first = std::move(*more);
  }
  listing.finish();
  return ExitCode::Fine;
}

// Says that the daemon is down, beside an answer from the catalog alone.
ExitCode after_offline(const Context& context, const Client::Failure& failure, ExitCode code) {
  if (code != ExitCode::Fine) return code;
  context.err << "waybill: " << failure.error.describe() << "; from the catalog alone\n";
  return context.config_error ? ExitCode::BadConfiguration : ExitCode::Unreachable;
}

ExitCode offline_ls(const Context& context, const Client::Failure& failure,
                    std::optional<catalog::FileState> state) {
  auto reader = context.open_catalog();
  if (!reader) return context.fail(failure);
  auto target = offline_target(context, **reader);
  if (!target) return context.fail(ExitCode::Failed, target.error());
  FileFilter filter{.target = std::move(*target), .state = state, .limit = page};
  const auto ask = [&](std::int64_t after) -> Page {
    filter.after = after;
    auto list = list_files(**reader, filter);
    if (!list) return own_failure(std::move(list.error()));
    return std::move(*list);
  };
  auto first = ask(0);
  if (!first) return context.fail(first.error());
  return after_offline(context, failure, list_pages(context, ask, std::move(*first)));
}

ExitCode show_story(const Context& context, const FileStory& story) {
  if (context.options.json) {
    context.out << to_json(story) << "\n";
  } else {
    context.out << render_story(story, context.now, context.style);
  }
  const bool blocked = story.file && story.file->state == catalog::FileState::Blocked;
  return blocked ? exit_code(Severity::Blocked) : ExitCode::Fine;
}

ExitCode offline_show(const Context& context, const Client::Failure& failure) {
  auto reader = context.open_catalog();
  if (!reader) return context.fail(failure);
  auto target = offline_target(context, **reader);
  if (!target) return context.fail(ExitCode::Failed, target.error());
  auto story = tell(**reader, **target);
  if (!story) return context.fail(ExitCode::Failed, story.error());
  if (!story->file && !story->renamed) {
    return context.fail(
        {.unreachable = true,
         .error = {.code = ErrorCode::NotFound,
                   .message = printable(context.options.path) + " is not in the catalog, and " +
                              failure.error.describe()}});
  }
  story->daemon = false;
  show_story(context, *story);
  return after_offline(context, failure, ExitCode::Fine);
}

}  // namespace

Result<std::optional<catalog::FileState>> state_option(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto state = catalog::file_state_from(name);
  if (state) return state;
  std::string names = "settling";
  for (const catalog::FileState known : catalog::all_file_states) {
    names += ", " + std::string(catalog::to_string(known));
  }
  return fail(ErrorCode::BadInput,
              "--state " + printable(name) + ": there is no such state; they are " + names);
}

ExitCode run_ls(const Context& context) {
  if (context.options.ignored) return list_unrecorded(context, "ignored");
  if (context.options.state == "settling") return list_unrecorded(context, "settling");
  const auto state = state_option(context.options.state);
  if (!state) return context.fail(ExitCode::Usage, state.error());
  const auto ask = [&context](std::int64_t after) { return ask_daemon(context, after); };
  // What settles before what has a row: a file goes from the first to the second, never back.
  std::optional<UnrecordedPage> settling;
  if (!*state) settling = ask_unrecorded(context, "settling");
  auto first = ask(0);
  if (!first) {
    return first.error().unreachable ? offline_ls(context, first.error(), *state)
                                     : context.fail(first.error());
  }
  if (!settling) return list_pages(context, ask, std::move(*first));
  const bool whole = *settling && (*settling)->complete;
  std::vector<UnrecordedAnswer> beside;
  if (*settling) beside = std::move((*settling)->files);
  const ExitCode code = list_pages(context, ask, std::move(*first), std::move(beside));
  if (whole || code != ExitCode::Fine) return code;
  if (*settling) return cut(context);
  context.err << "waybill: files that still settle are not in this list: "
              << settling->error().error.describe() << "\n";
  return ExitCode::Failed;
}

ExitCode run_show(const Context& context) {
  const auto body = context.client.get("/v1/file", context.where());
  if (!body) {
    return body.error().unreachable ? offline_show(context, body.error())
                                    : context.fail(body.error());
  }
  const auto story = file_story_from_json(*body);
  if (!story) return context.fail(ExitCode::Failed, story.error());
  return show_story(context, *story);
}

}  // namespace waybill::agent::cli
