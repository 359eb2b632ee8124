// The forms that conversations and preferences of others have, as our rows. Which one a row has is
// seen by its members; a row that has those of none or of two is an error that names all.
//   conversations  {"messages"}; {"prompt", "completion"}, of texts or messages (TRL);
//                  {"conversations"} (ShareGPT); {"instruction", "input"?, "output"} (Alpaca)
//   preferences    {"prompt", "chosen", "rejected"}, of texts or messages; without the prompt,
//   which
//                  is then what both begin with (TRL); texts of Anthropic's "\n\nHuman: " form
#pragma once

#include "text/chat_rows.h"
#include "text/row_fields.h"

namespace lehr::text {

Messages conversation_of(RowFields& fields);

// Fills prompt, chosen and rejected.
void read_pair(RowFields& fields, Preference& row);

}  // namespace lehr::text
