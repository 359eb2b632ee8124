// Finds what identifies people in a text. Each function gives the first piece at or after `from`,
// bytes [begin, end), or false; the time of all calls over a text is linear in its length.
#pragma once

#include <cstddef>
#include <string_view>

namespace lehr::plugins::filter {

// An address as datatrove's regular expression has it: dot-separated atoms, "@", and a host name of
// two labels or more or an IPv4 address in brackets.
bool find_email(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end);

// Four numbers up to 255 with dots between them, whatever stands around them.
bool find_ipv4(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end);
// Without leading zeros.
bool is_proper_ipv4(std::string_view address);
// And not of a network that is private, local, reserved or for documentation.
bool is_public_ipv4(std::string_view address);

// A number with its country ("+49 30 1234567": + and 8 to 15 digits, with single spaces, dots,
// hyphens or brackets between them), or as in North America ("(212) 555-0199", "212.555.0199"). No
// letter or digit stands beside it.
bool find_phone(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end);

}  // namespace lehr::plugins::filter
