#include "normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace lehr::plugins::filter {

void Normalize::describe(Description& d) {
  d.summary("rewrites text to a Unicode normal form");
  d.choice("form", form_, {"NFC", "NFKC"})
      .help("NFC composes characters; NFKC also folds ligatures, full-width letters and the like");
}

void Normalize::process(Document& document) {
  const std::string_view text = document.text();
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
  if (ascii) return;  // is in every normal form
  int options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
  if (form_ == "NFKC") options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                             static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(mapped, std::free);
  if (size < 0)
    throw Error("document '" + std::string(document.id()) +
                "' could not be normalized: " + utf8proc_errmsg(size));
  const std::string_view normal(reinterpret_cast<const char*>(mapped),
                                static_cast<std::size_t>(size));
  if (normal != text) document.rewrite(std::string(normal));
}

}  // namespace lehr::plugins::filter
