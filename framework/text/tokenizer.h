// A byte-level BPE tokenizer with Hugging Face's files and ids: text to ids and back.
//
// Immutable after construction; any number of threads may use one, each with a Cache of its own.
// Left out: models other than BPE, byte fallback, pre-tokenizers that drop or join what they cut,
// and the post-processor (no BOS is ever added here, so that all that a model is given begins
// alike; in conversations a chat template may write one).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_trainer.h"
#include "text/id_buffer.h"

namespace lehr::text {

struct ChatFormat;
struct TokenizerSpec;

inline constexpr std::string_view kEndOfText = "<|endoftext|>";
inline constexpr std::string_view kPad = "<|pad|>";
inline constexpr std::string_view kImStart = "<|im_start|>";
inline constexpr std::string_view kImEnd = "<|im_end|>";
// The special tokens of a tokenizer of our own, in id order.
std::vector<std::string> chat_special_tokens();
// Adds those that are not there; end-of-text only if there is no other, such as eos_token.
void add_chat_tokens(TokenizerSpec& spec, std::string_view eos_token = "");

// as_text: "<|im_end|>" in the text is ordinary text, so nobody can write a special token by typing
// it. match: special tokens found in the text become their ids, as Hugging Face's encode does.
enum class Specials { as_text, match };

class WordCache;

class Tokenizer {
 public:
  // Remembers the ids of recent pre-tokens; bounded; for one thread. May serve one tokenizer only.
  class Cache {
   public:
    Cache();
    ~Cache();
    Cache(Cache&&) noexcept;
    Cache& operator=(Cache&&) noexcept;

   private:
    friend class Tokenizer;
    std::unique_ptr<WordCache> words_;
    IdBuffer<TokenId> ids_;  // before they go into a vector
  };

  // A folder with tokenizer.json (and, if there, tokenizer_config.json and chat_template.jinja), or
  // a tokenizer.json itself. Throws lehr::Error naming the file and what it cannot handle.
  static Tokenizer load(const std::filesystem::path& path);
  // With those chat special tokens added, behind all others, that it does not have.
  static Tokenizer load_for_chat(const std::filesystem::path& path);
  explicit Tokenizer(const BpeModel& model);
  explicit Tokenizer(const TokenizerSpec& spec);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Writes tokenizer.json, tokenizer_config.json and chat_template.jinja into an existing folder:
  // for a loaded tokenizer the files it came from, unchanged.
  void save(const std::filesystem::path& folder) const;

  // Appends the ids of `text` (any bytes) to `ids`. O(n log n) in the longest pre-token.
  void encode(std::string_view text, std::vector<TokenId>& ids, Cache& cache,
              Specials specials = Specials::as_text) const;
  std::vector<TokenId> encode(std::string_view text, Specials specials = Specials::as_text) const;
  // The same into a buffer of ids of the width they have on disk. Id: TokenId, or std::uint16_t if
  // vocab_size() is at most 65,536.
  template <class Id>
  void encode(std::string_view text, IdBuffer<Id>& ids, Cache& cache,
              Specials specials = Specials::as_text) const;

  // How conversations are written, as the chat template among the files says (ChatML where there is
  // none). Throws lehr::Error if the template is not a known one, or if there is none and no
  // <|im_start|> and <|im_end|>.
  const ChatFormat& chat_format() const;

  // The bytes of the tokens, joined; may cut a character when the ids do. Special tokens appear as
  // they are written, or not at all. Throws std::out_of_range for an id that is no token.
  std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;

  // One more than the largest id.
  std::size_t vocab_size() const;
  // Bytes a token stands for; for special tokens their written form. Empty for an unused id.
  std::string_view token_bytes(TokenId id) const;
  bool is_special(TokenId id) const;
  std::optional<TokenId> find_special(std::string_view written) const;

  // What Hugging Face's encode does besides, as the post-processor, truncation and padding of the
  // file say, such as "begins every text with <s>". encode() here does not.
  const std::vector<std::string>& passed_over() const;

  // How text is cut before it is merged.
  const Pretokenizer& pretokenizer() const;

  // Ends a document. Every tokenizer has one: <|endoftext|>, <|end_of_text|>, </s>, or eos_token.
  TokenId end_of_text() const;
  std::optional<TokenId> pad() const;
  // Begin and end a message of a conversation: <|im_start|> and <|im_end|>, or what the chat
  // template has in their place.
  std::optional<TokenId> im_start() const;
  std::optional<TokenId> im_end() const;

  // [vocab_size]: bytes of text a token stands for, special tokens 0. With the sum of -ln p over
  // the tokens of a text: bits_per_byte = sum / (ln 2 * sum of these).
  const std::vector<std::uint32_t>& byte_lengths() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  static Tokenizer load(const std::filesystem::path& path, bool for_chat);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lehr::text
