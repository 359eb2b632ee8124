#include "completion.h"

namespace lehr::cli {
namespace {

// Bash splits words at = : @ too (COMP_WORDBREAKS), so they are put together again for lehr, and
// what stands before the last of these characters is taken off the answers.
constexpr const char* kBash = R"script(# bash completion of lehr:  source <(lehr completion bash)
_lehr() {
  local words=() line=$COMP_LINE word glued="" i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $glued ]]; then words[-1]+=$word; else words+=("$word"); fi
    line=${line#"${line%%[![:space:]]*}"}
    line=${line#"$word"}
    if [[ $line == [![:space:]]* ]]; then glued=yes; else glued=""; fi
  done
  local current=${words[-1]} answer
  local before=${current%"${current##*[=:@]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r answer _; do
    [[ $answer == *[/=] ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("${answer#"$before"}")
  done < <("${words[0]/#\~/$HOME}" __complete $((${#words[@]} - 1)) "${words[@]}" 2>/dev/null)
}
complete -F _lehr lehr
)script";

constexpr const char* kZsh = R"script(#compdef lehr
# zsh completion of lehr:  source <(lehr completion zsh), or this file as _lehr in $fpath
_lehr() {
  local line answer
  local -a spaced spaced_texts open open_texts
  while IFS= read -r line; do
    answer=${line%%$'\t'*}
    [[ -z $answer ]] && continue
    if [[ $answer == *[/=] ]]; then
      open+=("$answer") open_texts+=("${line/$'\t'/  }")
    else
      spaced+=("$answer") spaced_texts+=("${line/$'\t'/  }")
    fi
  done < <(${~words[1]} __complete $((CURRENT - 1)) "${words[@]}" 2>/dev/null)
  (( $#spaced )) && compadd -l -d spaced_texts -a spaced
  (( $#open )) && compadd -l -S '' -d open_texts -a open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _lehr "$@"; else compdef _lehr lehr; fi
)script";

constexpr const char* kFish = R"script(# fish completion of lehr:  lehr completion fish | source
function __lehr_complete
    set -l words (commandline -opc)
    lehr __complete (count $words) $words (commandline -ct) 2>/dev/null
end
complete -c lehr -f -a '(__lehr_complete)'
)script";

}  // namespace

std::string completion_script(const std::string& shell) {
  return shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish;
}

}  // namespace lehr::cli
