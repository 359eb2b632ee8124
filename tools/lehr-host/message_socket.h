// Messages between a stage host and a reward host over a socket pair: a u32 length, then
// MessagePack, which carries any bytes and exact doubles (JSON would carry neither invalid UTF-8
// nor NaN).
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

namespace lehr::host {

// Asked about ten times a second while the other end lets us wait: true ends that.
using GiveUp = std::function<bool()>;

// false: the other end is gone, or it was given up.
bool send_message(int fd, const nlohmann::ordered_json& message, const GiveUp& give_up = {});
// nullopt: the same, or it sent something that is no message.
std::optional<nlohmann::ordered_json> receive_message(int fd, const GiveUp& give_up = {});

}  // namespace lehr::host
