// lehr completion: scripts for shells and the manual page, made from the commands themselves.
#include <iostream>

#include "command.h"
#include "completion.h"

namespace lehr::cli {

void add_completion(Command app) {
  Command command =
      app.add("completion", "Print the completion script of a shell, or the manual page");
  auto what = std::make_shared<std::string>();
  command.option("SHELL", *what, "bash, zsh or fish; man: the manual page in man's macros")
      .required()
      .one_of({"bash", "zsh", "fish", "man"})
      .type_name("SHELL");
  command.footer(example("source <(lehr completion bash)\n  lehr completion man | man -l -"));
  command.run([app, what] {
    std::cout << (*what == "man" ? man_page(app.app(), LEHR_VERSION) : completion_script(*what));
  });
}

}  // namespace lehr::cli
