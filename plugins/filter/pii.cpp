#include "pii.h"

#include <utility>

#include "personal_data.h"

namespace lehr::plugins::filter {
namespace {

thread_local std::array<std::optional<std::uint64_t>, std::size(Pii::kKinds)> replaced_here;

}  // namespace

std::array<std::optional<std::uint64_t>, std::size(Pii::kKinds)> Pii::take_replaced() {
  return std::exchange(replaced_here, {});
}

void Pii::describe(Description& d) {
  d.summary("replaces e-mail addresses, public IPv4 addresses and, if asked, phone numbers");
  d.boolean("emails", emails_);
  d.boolean("ips", ips_);
  d.boolean("only_public_ips", only_public_ips_).help("leave private and reserved addresses alone");
  d.boolean("phones", phones_).help("+ and 8 to 15 digits, or three groups as in (212) 555-0199");
  d.list("email_replacements", email_by_, "string").help("taken in turn within a document");
  d.list("ip_replacements", ip_by_, "string").help("taken in turn within a document");
  d.list("phone_replacements", phone_by_, "string").help("taken in turn within a document");
}

void Pii::check() {
  if ((emails_ && email_by_.empty()) || (ips_ && ip_by_.empty()) || (phones_ && phone_by_.empty()))
    throw Error("there must be a replacement for everything that is replaced; \"\" takes it away");
}

void Pii::replace(Kind kind, Find find, bool (*wanted)(std::string_view),
                  std::vector<std::string>& by) {
  const std::string_view text = text_;
  std::size_t from = 0, begin = 0, end = 0, turn = 0;
  out_.clear();
  while (find(text, from, begin, end)) {
    const bool replaced = wanted == nullptr || wanted(text.substr(begin, end - begin));
    out_ += text.substr(from, (replaced ? begin : end) - from);
    if (replaced) out_ += by[turn++ % by.size()];
    from = end;
  }
  replaced_here[kind] = replaced_here[kind].value_or(0) + turn;
  if (turn == 0) return;
  out_ += text.substr(from);
  text_.swap(out_);
}

void Pii::process(Document& document) {
  text_ = document.text();
  if (emails_) replace(emails, find_email, nullptr, email_by_);
  if (ips_) replace(ips, find_ipv4, only_public_ips_ ? is_public_ipv4 : is_proper_ipv4, ip_by_);
  if (phones_) replace(phones, find_phone, nullptr, phone_by_);
  if (text_ != document.text()) document.rewrite(text_);
}

}  // namespace lehr::plugins::filter
