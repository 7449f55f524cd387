#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "tests/model/world.h"

namespace waybill::model {

// What people do to sidecars, in a folder that asks for them, with dice of its own; and what each
// of them says. They come before, with and after their files, change, go, are no JSON, and are
// written for a while.
class Sidecars {
 public:
  struct Hooks {
    std::function<void(const std::string& path)> touched;  // the file's path: before it is done
    std::function<void(const std::string& what)> note;
  };
  // Draws whether the folder asks for them, and how many of them the core knows at a time.
  Sidecars(std::uint64_t seed, World& world, Hooks hooks);

  // Perhaps something, of `path` or of another file.
  void act(const std::string& path);
  // Who writes one is done with it; those that cannot be used are perhaps mended.
  void finish();

  using Said = std::map<std::string, std::string>;
  // What its sidecar says of a file, without one nothing; nullopt: it cannot be used.
  [[nodiscard]] std::optional<Said> said(const std::string& path) const;
  // Somebody writes it.
  [[nodiscard]] bool written(const std::string& path) const { return writing_ == path; }
  // Whether a sidecar of that path has ever said so, once it was whole.
  [[nodiscard]] bool ever_said(const std::string& path, const std::string& value) const {
    return ever_said_.contains({path, value});
  }

  // The name under which sidecars alone say something.
  static constexpr const char* beside = "beside";

 private:
  void come(const std::string& path);
  void begin_writing(const std::string& path);
  void end_writing();
  void spoil(const std::string& path);
  void go(const std::string& path);
  void put(const std::string& path, const std::string& text, std::optional<Said> said);
  Said draw();

  Random dice_;
  World& world_;
  const Hooks hooks_;
  bool asked_for_ = false;
  std::map<std::string, std::optional<Said>> there_;  // by the path of the file
  std::set<std::pair<std::string, std::string>> ever_said_;
  std::string writing_;  // the path of the file; empty: none
  Said will_say_;        // it, once it is whole
};

}  // namespace waybill::model
