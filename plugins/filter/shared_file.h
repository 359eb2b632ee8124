// What a step reads from a file, read once for all workers: each has an instance of the step.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace lehr::plugins::filter {

// The T that stands for `key` (the files' paths and whatever else matters), made by `read` unless
// an instance still holds it. Files do not change while a stage runs.
template <class T, class Read>
std::shared_ptr<const T> shared_file(const std::string& key, Read read) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const T>> known;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const T>& entry = known[key];
  if (auto held = entry.lock()) return held;
  std::shared_ptr<const T> made = std::make_shared<const T>(read());
  entry = made;
  return made;
}

}  // namespace lehr::plugins::filter
