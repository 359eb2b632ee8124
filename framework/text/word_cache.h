// Ids of recently encoded pre-tokens, for one thread. When it is full it starts afresh: natural
// text refills it within a few kilobytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <xxhash.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "text/bpe_trainer.h"

namespace lehr::text {

class WordCache {
 public:
  static constexpr std::size_t kLongest = 64;  // bytes of a word that is remembered

  // Valid until the next put().
  std::span<const TokenId> find(std::string_view word) const {
    const auto found = places_.find(word);
    if (found == places_.end()) return {};
    return {ids_.data() + found->second.begin, found->second.count};
  }

  void put(std::string_view word, std::span<const TokenId> ids) {
    if (word.size() > kLongest) return;
    if (places_.size() == kWords || used_ + word.size() > kBytes) {
      places_.clear();
      ids_.clear();
      used_ = 0;
    }
    std::memcpy(bytes_.get() + used_, word.data(), word.size());
    places_.emplace(
        std::string_view(bytes_.get() + used_, word.size()),
        Place{static_cast<std::uint32_t>(ids_.size()), static_cast<std::uint32_t>(ids.size())});
    used_ += word.size();
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

 private:
  static constexpr std::size_t kWords = 1 << 17, kBytes = 2 << 20;

  struct Place {
    std::uint32_t begin, count;  // in ids_
  };
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(std::string_view word) const {
      return XXH3_64bits(word.data(), word.size());
    }
  };

  boost::unordered_flat_map<std::string_view, Place, Hash> places_;
  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(kBytes);
  std::size_t used_ = 0;
  std::vector<TokenId> ids_;
};

}  // namespace lehr::text
