#include "tests/model/sidecars.h"

#include <utility>

#include "tests/model/oracle.h"

namespace waybill::model {
namespace {

std::string on_disk(const std::string& path) {
  return std::string(World::folder) + "/" + path + ".meta.json";
}

// In two pieces of which the first is no JSON.
std::pair<std::string, std::string> text_of(const Sidecars::Said& said) {
  std::string text;
  for (const auto& [name, value] : said) {
    text += (text.empty() ? "{\"" : ", \"") + name + "\": \"" + value + "\"";
  }
  return {text, "}"};
}

}  // namespace

Sidecars::Sidecars(std::uint64_t seed, World& world, Hooks hooks)
    : dice_(seed * 6151 + 11), world_(world), hooks_(std::move(hooks)) {
  asked_for_ = dice_.next() % 3 == 0;
  if (!asked_for_) return;
  auto& folder = world_.config.folders.front();
  folder.sidecar = "{name}.meta.json";
  folder.stuck_after = std::chrono::minutes(5);
  if (dice_.next() % 2 == 0) world_.most_sidecars = 1 + dice_.next() % 2;
}

void Sidecars::act(const std::string& path) {
  if (!asked_for_ || dice_.next() % 3 != 0) return;
  const std::string which = dice_.next() % 2 == 0 && !path.empty()
                                ? path
                                : Oracle::paths[dice_.next() % std::size(Oracle::paths)];
  if (!writing_.empty() && dice_.next() % 3 == 0) return end_writing();
  if (which == writing_) return;
  switch (dice_.next() % 8) {
    case 0:
    case 1:
    case 2:
    case 3:
      return come(which);
    case 4:
    case 5:
      return go(which);
    case 6:
      return spoil(which);
    case 7:
      return begin_writing(which);
  }
}

void Sidecars::finish() {
  end_writing();
  if (dice_.next() % 2 == 0) return;
  for (const auto& [path, said] : std::map(there_)) {
    if (!said) come(path);
  }
}

std::optional<Sidecars::Said> Sidecars::said(const std::string& path) const {
  const auto found = there_.find(path);
  return found == there_.end() ? Said() : found->second;
}

// Few sayings, so that one comes back now and then.
Sidecars::Said Sidecars::draw() {
  Said said{{beside, std::to_string(dice_.next() % 3)}};
  if (dice_.next() % 4 == 0) said.emplace("sample", "by sidecar");
  return said;
}

void Sidecars::come(const std::string& path) {
  Said said = draw();
  const auto [text, rest] = text_of(said);
  put(path, text + rest, std::move(said));
}

void Sidecars::spoil(const std::string& path) {
  put(path, text_of(draw()).first, std::nullopt);
}

void Sidecars::put(const std::string& path, const std::string& text, std::optional<Said> said) {
  hooks_.note("beside " + path + " is " + text);
  hooks_.touched(path);
  if (said) ever_said_.emplace(path, said->at(beside));
  there_[path] = std::move(said);
  world_.files.write(on_disk(path), text);
}

void Sidecars::begin_writing(const std::string& path) {
  if (!writing_.empty()) return;
  will_say_ = draw();
  put(path, text_of(will_say_).first, std::nullopt);
  hooks_.note("  and somebody writes on");
  world_.files.open_writer(on_disk(path));
  writing_ = path;
}

void Sidecars::end_writing() {
  if (writing_.empty()) return;
  const std::string path = std::exchange(writing_, {});
  hooks_.note("whole is what is beside " + path);
  hooks_.touched(path);
  ever_said_.emplace(path, will_say_.at(beside));
  there_[path] = will_say_;
  world_.files.append(on_disk(path), text_of(will_say_).second);
  world_.files.close_writer(on_disk(path));
}

void Sidecars::go(const std::string& path) {
  if (!there_.contains(path)) return;
  hooks_.note("nothing is beside " + path);
  hooks_.touched(path);
  there_.erase(path);
  world_.files.remove(on_disk(path));
}

}  // namespace waybill::model
