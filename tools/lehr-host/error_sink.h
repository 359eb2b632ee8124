// Where a plugin's function without a context writes why it failed.
#pragma once

#include <lehr/abi.h>

#include <string>

namespace lehr::host {

// What is said of a plugin that lets an exception out; the boundary is C.
inline constexpr const char* kCrossed = "an exception crossed the plugin boundary";

class ErrorSink {
 public:
  ErrorSink() = default;
  ErrorSink(const ErrorSink&) = delete;
  ErrorSink& operator=(const ErrorSink&) = delete;

  const lehr_sink* sink() const { return &sink_; }
  const std::string& said() const { return text_; }
  std::string text() const { return text_.empty() ? "it gave no reason" : text_; }

 private:
  std::string text_;
  lehr_sink sink_{sizeof(lehr_sink), this, [](void* self, lehr_str s) {
                    try {  // a C function calls it
                      static_cast<ErrorSink*>(self)->text_.assign(s.data ? s.data : "", s.size);
                    } catch (...) {
                    }
                  }};
};

}  // namespace lehr::host
