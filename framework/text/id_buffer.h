// Ids in one growing block of memory that is not cleared first: an encoder asks for room, writes,
// and says where it stopped. Id: std::uint16_t where the vocabulary allows it, else TokenId.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace lehr::text {

template <class Id>
class IdBuffer {
 public:
  // The end, with room for `count` more.
  Id* room(std::size_t count) {
    if (capacity_ - size_ < count) grow(count);
    return data_.get() + size_;
  }
  void set_end(const Id* end) { size_ = static_cast<std::size_t>(end - data_.get()); }
  void push_back(Id id) {
    *room(1) = id;
    ++size_;
  }
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  std::span<const Id> ids() const { return {data_.get(), size_}; }

 private:
  void grow(std::size_t count) {
    const std::size_t capacity = 2 * (size_ + count);
    void* const moved = std::realloc(data_.get(), capacity * sizeof(Id));
    if (moved == nullptr) throw std::bad_alloc();
    static_cast<void>(data_.release());
    data_.reset(static_cast<Id*>(moved));
    capacity_ = capacity;
  }

  struct Free {
    void operator()(Id* data) const { std::free(data); }
  };
  std::unique_ptr<Id[], Free> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace lehr::text
