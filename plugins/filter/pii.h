// Replaces e-mail addresses and public IPv4 addresses as datatrove's PIIFormatter does, and phone
// numbers if told to (which datatrove does not). Replacements take turns within a document.
#pragma once

#include <lehr/plugin.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::filter {

class Pii : public DocumentStep {
 public:
  enum Kind { emails, ips, phones };
  static constexpr const char* kKinds[] = {"emails", "ips", "phones"};
  // By kind, how many pieces the calling thread's steps have replaced since this was asked last;
  // none: they did not look for any.
  static std::array<std::optional<std::uint64_t>, std::size(kKinds)> take_replaced();

  void describe(Description& d) override;
  void check() override;
  void process(Document& document) override;

 private:
  // Finds the first piece at or after `from`, in begin and end; false if there is none.
  using Find = bool (*)(std::string_view text, std::size_t from, std::size_t& begin,
                        std::size_t& end);
  void replace(Kind kind, Find find, bool (*wanted)(std::string_view),
               std::vector<std::string>& by);

  bool emails_ = true, ips_ = true, only_public_ips_ = true, phones_ = false;
  std::vector<std::string> email_by_ = {"email@example.com", "firstname.lastname@example.org"};
  std::vector<std::string> ip_by_ = {"22.214.171.124", "126.96.36.199",  "188.8.131.52",
                                     "184.108.40.206", "220.127.116.11", "18.104.22.168"};
  std::vector<std::string> phone_by_ = {"+1-555-555-0100"};
  std::string text_, out_;
};

}  // namespace lehr::plugins::filter
