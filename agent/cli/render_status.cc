#include "agent/cli/render_status.h"

#include <algorithm>

#include "base/bytes.h"

namespace waybill::agent::cli {
namespace {

// Below a folder a path is named as NAME/path, which `waybill show` takes back.
std::string example_of(const Reason& reason) {
  if (reason.example.empty()) return "";
  return printable((reason.folder.empty() ? "" : reason.folder + "/") + reason.example);
}

std::string since_text(std::int64_t since, std::int64_t now) {
  return since == 0 ? "" : duration_text(Nanoseconds(std::max<std::int64_t>(0, now - since)));
}

std::string folders_table(const std::vector<FolderView>& folders, std::int64_t now) {
  const std::vector<Column> columns = {{"FOLDER"},
                                       {"WATCHED"},
                                       {"PENDING", Align::Right},
                                       {"UPLOADING", Align::Right},
                                       {"STORED", Align::Right},
                                       {"BLOCKED", Align::Right},
                                       {"OLDEST", Align::Right},
                                       {"LAST STORED"},
                                       {""}};
  std::vector<std::vector<std::string>> rows;
  for (const FolderView& folder : folders) {
    const std::string oldest = since_text(folder.oldest_pending_since, now);
    rows.push_back(
        {printable(folder.path), folder.watched, with_thousands(folder.pending),
         with_thousands(folder.uploading), with_thousands(folder.stored),
         with_thousands(folder.blocked), oldest.empty() ? "-" : oldest,
         folder.last_stored_at == 0 ? "never" : ago_text(Nanoseconds(now - folder.last_stored_at)),
         printable(folder.note)});
  }
  return table(columns, rows);
}

// Sentences may quote what a server sent.
std::string sentence_of(const Reason& reason) {
  const bool name_it = !reason.folder.empty() && reason.example.empty();
  return printable((name_it ? reason.folder + ": " : "") + reason.sentence);
}

std::string files_reasons(const std::vector<Reason>& reasons) {
  std::vector<std::vector<std::string>> rows;
  for (const Reason& reason : reasons) {
    const std::string example = example_of(reason);
    if (reason.files == 0 || example.empty()) continue;
    rows.push_back(
        {sentence_of(reason),
         (reason.files > 1 ? with_thousands(reason.files) + " files, like " : "") + example,
         "waybill show " + shell_word(example)});
  }
  return table({{""}, {""}, {""}}, rows, "  ", 4);
}

std::string other_reasons(const std::vector<Reason>& reasons, std::int64_t now) {
  std::string text;
  for (const Reason& reason : reasons) {
    if (reason.files > 0 && !reason.example.empty()) continue;
    const std::string since = since_text(reason.since, now);
    text += "  " + sentence_of(reason);
    if (reason.files > 0) text += "; " + plural(reason.files, "file", "files");
    text += (since.empty() ? "" : ", for " + since) + "\n";
    if (!reason.help.empty()) text += "      " + printable(reason.help) + "\n";
  }
  return text;
}

std::string section(const std::vector<Reason>& reasons, const std::string& title,
                    std::int64_t now) {
  if (reasons.empty()) return "";
  return "\n" + title + "\n" + files_reasons(reasons) + other_reasons(reasons, now);
}

std::vector<Reason> of(const std::vector<Reason>& reasons, Severity severity) {
  std::vector<Reason> some;
  std::copy_if(reasons.begin(), reasons.end(), std::back_inserter(some),
               [severity](const Reason& reason) { return reason.severity == severity; });
  return some;
}

std::string blocked_title(const std::vector<Reason>& blocked) {
  std::int64_t files = 0;
  for (const Reason& reason : blocked) files += reason.files;
  const auto causes = static_cast<std::int64_t>(blocked.size());
  std::string title = plural(causes, "cause", "causes");
  if (files > 0) title += ", " + plural(files, "file", "files");
  const bool one = files == 1 || (files == 0 && causes == 1);
  return title + (one ? " waits for you:" : " wait for you:");
}

}  // namespace

std::string render_status(const Status& status, bool daemon, std::int64_t now, const Style& style) {
  std::int64_t files = 0;
  for (const FolderView& folder : status.folders) {
    files += folder.pending + folder.uploading + folder.stored + folder.blocked;
  }
  std::string text;
  if (daemon) {
    text += "waybilld " + status.version + ", up " +
            duration_text(Nanoseconds(now - status.started_at)) + ", ";
  }
  text += plural(files, "file", "files") + " in the catalog (" +
          size_text(static_cast<std::uint64_t>(std::max<std::int64_t>(0, status.catalog_bytes))) +
          ")\n";
  if (!status.folders.empty()) text += "\n" + folders_table(status.folders, now);

  const auto blocked = of(status.reasons, Severity::Blocked);
  text += section(blocked, style.bad(blocked_title(blocked)), now);
  text += section(of(status.reasons, Severity::Degraded),
                  style.warning("It works, but not as it should:"), now);
  text += section(of(status.reasons, Severity::Notice), "Worth knowing:", now);
  return text;
}

}  // namespace waybill::agent::cli
