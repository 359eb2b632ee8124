// The process that holds one reward plugin and answers a stage host.
#include <vector>

#include "error_sink.h"
#include "message_socket.h"
#include "plugin_library.h"
#include "reward_process.h"
#include "stage_context.h"
#include "value_tree.h"

namespace lehr::host {
namespace {

using Json = nlohmann::ordered_json;

Json score_all(const lehr_reward* reward, void* instance, const Json& request) {
  const Json& list = request.at("exchanges");
  std::vector<lehr_exchange> exchanges;
  const auto borrow = [](const Json& text) {
    const auto& s = text.get_ref<const std::string&>();
    return lehr_str{s.data(), s.size()};
  };
  for (const Json& e : list)
    exchanges.push_back(
        {borrow(e.at(0)), borrow(e.at(1)), borrow(e.at(2)), e.at(3).get<std::uint32_t>()});
  std::vector<double> scores(exchanges.size());
  ErrorSink message;
  if (reward->score(instance, exchanges.data(), exchanges.size(), sizeof(lehr_exchange),
                    scores.data(), message.sink()) != LEHR_OK)
    return {{"error", message.text()}};
  return {{"scores", scores}};
}

}  // namespace

int serve_reward(int fd) {
  const auto setup = receive_message(fd);
  if (!setup) return 1;
  try {
    const PluginLibrary plugin(setup->at("plugin").get<std::string>(), bare_services(),
                               setup->at("code"));
    plugin.check_manifest();
    const std::string name = setup->at("reward");
    const lehr_reward* reward = plugin.reward(name);
    if (reward == nullptr)
      throw LoadError(plugin.path().string() + ": it has no reward '" + name + "'");
    const Json description = plugin.item_description("rewards", name);
    const ValueTree values(setup->at("parameters"), description.at("parameters"));
    ErrorSink message;
    void* instance = nullptr;
    if (reward->create(values.root(), message.sink(), &instance) != LEHR_OK)
      throw LoadError(message.text());
    if (!send_message(fd, {{"ready", true}})) return 1;
    while (const auto request = receive_message(fd))
      if (!send_message(fd, score_all(reward, instance, *request))) return 1;
    reward->destroy(instance);
    return 0;
  } catch (const std::exception& e) {
    send_message(fd, {{"error", e.what()}});
    return 4;
  }
}

}  // namespace lehr::host
