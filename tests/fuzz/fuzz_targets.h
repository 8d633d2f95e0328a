#pragma once

#include <cstddef>
#include <cstdint>

namespace ditto::test {

/// Entry points in the manner of libFuzzer: any bytes either parse or throw `ditto::Error` with a one-line message;
/// whatever else happens (another exception, a crash, a sanitizer's report) is a finding. They return 0.
int fuzz_safetensors(const std::uint8_t* data, std::size_t size);
int fuzz_json(const std::uint8_t* data, std::size_t size);

}  // namespace ditto::test
