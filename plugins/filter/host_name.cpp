#include "host_name.h"

#include <libpsl.h>

#include "text/words_and_lines.h"

namespace lehr::plugins::filter {
namespace {

// The dots that people type besides the ASCII one.
constexpr std::string_view kDots[] = {"\u3002", "\uff0e", "\uff61"};

std::string_view without_scheme(std::string_view url) {
  const std::size_t slashes = url.find("//");
  if (slashes == 0) return url.substr(2);
  if (slashes == url.npos || slashes < 2 || url[slashes - 1] != ':') return url;
  for (const char c : url.substr(0, slashes - 1)) {
    const bool in_scheme = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                           c == '+' || c == '-' || c == '.';
    if (!in_scheme) return url;
  }
  return url.substr(slashes + 2);
}

}  // namespace

std::string host_of(std::string_view url) {
  url = without_scheme(url);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const std::size_t at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  if (url.starts_with('[') && url.find(']') != url.npos)
    return std::string(url.substr(0, url.find(']') + 1));
  url = text::strip_right(text::strip_left(url.substr(0, url.find(':'))));
  std::string host(url);
  for (const std::string_view dot : kDots)
    for (std::size_t at = host.find(dot); at != host.npos; at = host.find(dot, at + 1))
      host.replace(at, dot.size(), 1, '.');
  while (host.ends_with('.')) host.pop_back();
  return host;
}

std::string_view registered_domain(std::string_view host) {
  std::string lower(host);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  std::size_t label = host.npos;  // before the present one
  for (std::size_t at = 0; at < host.size();) {
    if (psl_is_public_suffix2(psl_builtin(), lower.c_str() + at,
                              PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1)
      return label == host.npos ? std::string_view() : host.substr(label);
    const std::size_t dot = host.find('.', at);
    if (dot == host.npos) break;
    label = at;
    at = dot + 1;
  }
  return "";
}

}  // namespace lehr::plugins::filter
