#pragma once

#include <string_view>

namespace ditto {

/// Whether SentencePiece can follow the normalisation tables of a model file without leaving them: its reader walks the
/// trie of a table unchecked. False also where the bytes are no protobuf message.
bool has_sound_tables(std::string_view model);

}  // namespace ditto
