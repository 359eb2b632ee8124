// Messages between a stage host and a reward host over a socket pair: a u32 length, then
// MessagePack, which carries any bytes and exact doubles (JSON would carry neither invalid UTF-8
// nor NaN).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace lehr::host {

// false: the other end is gone.
bool send_message(int fd, const nlohmann::ordered_json& message);
// nullopt: the other end is gone, or sent something that is no message.
std::optional<nlohmann::ordered_json> receive_message(int fd);

}  // namespace lehr::host
