// The host of an address, and under whose name it is registered by the Public Suffix List (that of
// libpsl; its ICANN section). As tldextract has it, which URL filters are written for.
#pragma once

#include <string>
#include <string_view>

namespace lehr::plugins::filter {

// "www.example.co.uk" of "https://user@www.example.co.uk:80/path", with or without its scheme; case
// as it stands. Without the dots at its end.
std::string host_of(std::string_view url);

// "example.co.uk" of it, a view into `host`; empty for what is under no public suffix, or is one.
std::string_view registered_domain(std::string_view host);

}  // namespace lehr::plugins::filter
