#include "command_stage.h"

#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "child_process.h"
#include "left_rows.h"
#include "told_line.h"

namespace lehr::plugins::command {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 100;  // how often it looks whether it is to stop

void set_from_ours(std::map<std::string, std::string>& variables, const char* name,
                   const char* otherwise = nullptr) {
  const char* value = std::getenv(name);
  if (value == nullptr) value = otherwise;
  if (value != nullptr) variables[name] = value;
}

void add(std::map<std::string, std::string>& variables, std::string_view prefix,
         const std::string& port, const fs::path& path) {
  const std::string name = variable_name(prefix, port);
  std::string& value = variables[name];
  if (!value.empty() && path.string().find(':') != std::string::npos)
    throw Error(name + " holds several paths with ':' between them, and '" + path.string() +
                "' has one in its name. Move it where no folder has one (a store: --store)");
  value += (value.empty() ? "" : ":") + path.string();
}

}  // namespace

std::string variable_name(std::string_view prefix, std::string_view port) {
  std::string out(prefix);
  for (const char c : port)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0
               ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
               : '_';
  return out;
}

void CommandStage::describe(Description& d) {
  d.summary("runs a program: inputs and outputs are folders named by environment variables");
  d.determinism(Determinism::none).uses_seed();
  d.any_inputs();
  d.any_outputs();
  d.text("program", program_).help("name in PATH, or absolute path; left out: the script itself");
  d.input_path("script", script_).help("its first argument; the content is part of the key");
  d.list("args", args_, "string").help("further arguments");
  d.list("files", files_, "input_path")
      .help("what else the program reads; the content is part of the key");
  d.text_map("env", env_).help("environment variables, beside PATH, HOME, LANG and Lehr's own");
  d.duration("grace", grace_)
      .range(0, 86400)
      .no_effect()
      .help("from being asked to stop (SIGTERM) until it is killed");
}

void CommandStage::check() {
  if (!program_ && !script_) throw Error("give 'program', 'script' or both");
  if (program_ && program_->find('/') != std::string::npos && !program_->starts_with('/'))
    throw Error("program: '" + *program_ +
                "' is a relative path, and the program runs in a folder of its own. Name it as "
                "'script', which makes its content part of the key, or by an absolute path");
  if (files_.size() > 1)
    for (const std::string& file : files_)
      if (file.find(':') != std::string::npos)
        throw Error("files: '" + file +
                    "' has a ':' in its name, which stands between the paths in LEHR_FILES");
  for (const auto& [name, value] : env_) {
    if (name.empty() || name.find('=') != std::string::npos)
      throw Error("env: '" + name + "' cannot name an environment variable");
    if (name.starts_with("LEHR_"))
      throw Error("env: '" + name + "': names that begin with LEHR_ are Lehr's own");
  }
}

std::vector<std::string> CommandStage::arguments() const {
  std::vector<std::string> out;
  if (program_) out.push_back(*program_);
  if (script_) out.push_back(*script_);
  out.insert(out.end(), args_.begin(), args_.end());
  return out;
}

std::vector<std::string> CommandStage::environment(const Context& context) const {
  std::map<std::string, std::string> variables;
  for (const char* name : {"PATH", "HOME", "CUDA_VISIBLE_DEVICES"}) set_from_ours(variables, name);
  set_from_ours(variables, "LANG", "C.UTF-8");
  variables["TMPDIR"] = fs::current_path().string();
  variables["OMP_NUM_THREADS"] = std::to_string(context.threads());
  // Byte code beside a script would change the folder that is part of the key.
  variables["PYTHONDONTWRITEBYTECODE"] = "1";
  for (const auto& [name, value] : env_) variables[name] = value;
  variables["LEHR_SEED"] = std::to_string(context.seed());
  variables["LEHR_THREADS"] = std::to_string(context.threads());
  variables["LEHR_DEVICE"] = context.device();
  for (const Input& input : context.inputs()) add(variables, "LEHR_INPUT_", input.port, input.path);
  for (const std::string& file : files_) add(variables, "LEHR_", "files", file);
  for (const Output& output : context.outputs())
    add(variables, "LEHR_OUTPUT_", output.port, output.path);
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

void CommandStage::run(Context& context) {
  const std::vector<std::string> argv = arguments();
  ChildProcess child(argv, environment(context), fs::current_path());
  const auto line = [&](std::string_view text) {
    if (pass_on(text, context)) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::putchar('\n');
    std::fflush(stdout);
  };
  std::optional<Clock::time_point> killed_at;  // it has been asked to stop
  while (child.wait(kTickMs, line)) {
    if (!killed_at && context.cancelled()) {
      child.terminate();
      killed_at = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(grace_));
    }
    if (killed_at && Clock::now() >= *killed_at) child.kill();
  }
  // A program that ends well when asked to stop may have left half of its work.
  if (killed_at) throw Cancelled();
  if (const std::string failure = child.failure(); !failure.empty())
    throw Error("'" + argv[0] + (argv.size() > 1 ? " " + argv[1] : "") + "' " + failure);
  for (const Output& output : context.outputs()) check_rows(output, context);
}

}  // namespace lehr::plugins::command
