#include "io/file_format.h"

#include <array>

namespace ditto {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  std::string_view meaning;
};

constexpr std::array kMagics{
    Magic{"GGUF"sv, "a GGUF file"},
    Magic{"ggml"sv, "a GGML file"},
    Magic{"lmgg"sv, "a GGML file"},
    Magic{"tjgg"sv, "a GGML file"},
    Magic{"PK\x03\x04"sv, "a zip archive (a pickled PyTorch checkpoint, .pt or .ckpt)"},
    Magic{"PK\x05\x06"sv, "an empty zip archive"},
    Magic{"\x89HDF"sv, "an HDF5 file"},
    Magic{"\x93NUMPY"sv, "a NumPy array"},
    Magic{"\x1f\x8b"sv, "a gzip archive"},
    Magic{"version https://"sv, "a Git LFS pointer, not the file it stands for"},
    Magic{"<!DOCTYPE"sv, "a web page"},
    Magic{"<!doctype"sv, "a web page"},
    Magic{"<html"sv, "a web page"},
};

/// Protocols 2 to 5 begin with the opcode PROTO and their number.
bool is_pickle(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

/// A ModelProto: field 1 (ir_version, a small varint), then a length-delimited field with a number up to 25.
bool is_onnx(std::string_view bytes) {
  if (bytes.size() < 4 || bytes[0] != '\x08' || bytes[1] < 1 || bytes[1] > 32) return false;
  const auto tag = static_cast<unsigned char>(bytes[2]);
  return (tag & 0x87u) == 0x02u && tag >= 0x12u;
}

}  // namespace

std::string_view recognise_format(std::string_view bytes) {
  for (const Magic& magic : kMagics) {
    if (bytes.starts_with(magic.bytes)) return magic.meaning;
  }
  if (is_pickle(bytes)) return "a pickle (a PyTorch checkpoint, .pt, .bin or .ckpt)";
  if (is_onnx(bytes)) return "an ONNX model";
  return {};
}

}  // namespace ditto
