#include "io/manifest.h"

#include <ATen/ops/ones.h>

#include <nlohmann/json.hpp>

#include "io/io_support.h"
#include "io/safetensors.h"
#include "io/sha256.h"
#include "test_paths.h"

namespace ditto::test {
namespace {

using nlohmann::json;

constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, MatchesThePublishedDigests) {  // FIPS 180-2, appendix B
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), kAbc);
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.hex(), kAbc);
}

TEST(Sha256, OfFiles) {
  const TempFolder folder;
  EXPECT_EQ(sha256_file(write_file(folder / "abc", "abc")), kAbc);
  EXPECT_EQ(sha256_file(write_file(folder / "empty", "")), sha256(""));
  const std::string large(3'000'001, 'x');
  EXPECT_EQ(sha256_file(write_file(folder / "large", large)), sha256(large));
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [] { sha256_file("/dev/zero"); }), "is a device"));
}

json entry(std::string_view bytes) { return {{"sha256", sha256(bytes)}, {"bytes", bytes.size()}}; }

TEST(Manifest, AcceptsMatchingFilesAndFoldersWithoutOne) {
  const TempFolder folder;
  verify_manifest(folder.path());
  write_file(folder / "config.json", "{}");
  write_file(folder / "vae/model.safetensors", "weights");
  const json files{{"config.json", entry("{}")}, {"vae/model.safetensors", entry("weights")}};
  write_file(folder / "manifest.json", json{{"files", files}}.dump());
  verify_manifest(folder.path());
}

TEST(Manifest, TheShippedModelsMatchTheirs) {
  for (const char* name : {"wan-mini", "wan-mini-detail"}) {
    const fs::path model = model_path(name);
    ASSERT_TRUE(fs::exists(model / "manifest.json")) << name;
    verify_manifest(model);
  }
}

TEST(Manifest, RefusesChangedMissingAndEscapingFiles) {
  const TempFolder outside;
  write_file(outside / "x", "x");
  const TempFolder folder;
  write_file(folder / "abc", "abc");
  fs::create_symlink(outside / "x", folder / "link");
  const auto refused = [&](const json& files) {
    write_file(folder / "manifest.json", json{{"files", files}}.dump());
    const std::string message = error_of(ExitCode::kBadInputFile, [&] { verify_manifest(folder.path()); });
    EXPECT_TRUE(contains(message, folder.path().string()));
    return message;
  };
  const std::string changed = refused({{"abc", entry("abd")}});
  EXPECT_TRUE(contains(changed, (folder / "abc").string() + ": sha256 is " + kAbc));
  EXPECT_TRUE(contains(changed, "manifest.json says " + sha256("abd")));
  EXPECT_TRUE(contains(changed, "--no-verify"));
  EXPECT_TRUE(contains(refused({{"abc", entry("abcd")}}), "holds 3 bytes, manifest.json says 4"));
  EXPECT_TRUE(contains(refused({{"absent", entry("")}}), "'absent' cannot be found"));
  EXPECT_TRUE(contains(refused({{"../x", entry("x")}}), "leaves the folder"));
  EXPECT_TRUE(contains(refused({{(outside / "x").string(), entry("x")}}), "is an absolute path"));
  EXPECT_TRUE(contains(refused({{"link", entry("x")}}), "is a link out of the folder"));
  EXPECT_TRUE(contains(refused({{"abc", {{"sha256", "00"}, {"bytes", 3}}}}), "files.abc.sha256: is '00'"));
  EXPECT_TRUE(contains(refused({{"abc", {{"sha256", kAbc}, {"bytes", -3}}}}), "files.abc.bytes: is -3"));
  EXPECT_TRUE(contains(refused({{"abc", 5}}), "files.abc: is 5; accepted: an object"));
  write_file(folder / "manifest.json", "{}");
  EXPECT_TRUE(
      contains(error_of(ExitCode::kBadInputFile, [&] { verify_manifest(folder.path()); }), "files: is missing"));
}

TEST(WeightHash, IsTheSameWithAndWithoutManifestAndFollowsTheWeights) {
  const TempFolder folder;
  fs::create_directories(folder / "vae");
  fs::create_directories(folder / "transformer");
  save_safetensors(folder / "vae/model.safetensors", {{"a", at::ones({3})}});
  save_safetensors(folder / "transformer/model.safetensors", {{"b", at::ones({4})}});
  write_file(folder / "config.json", "{}");
  const std::string vae = sha256_file(folder / "vae/model.safetensors");
  const std::string transformer = sha256_file(folder / "transformer/model.safetensors");
  const std::string expected =
      sha256("transformer/model.safetensors " + transformer + "\nvae/model.safetensors " + vae + "\n");
  EXPECT_EQ(weight_hash(folder.path()), expected);

  const json files{{"vae/model.safetensors", entry(read_bytes(folder / "vae/model.safetensors"))},
                   {"config.json", entry("{}")}};
  write_file(folder / "manifest.json", json{{"files", files}}.dump());
  EXPECT_EQ(weight_hash(folder.path()), expected);
  EXPECT_EQ(weight_hash(folder.path() / ""), expected);

  save_safetensors(folder / "transformer/model.safetensors", {{"b", at::ones({5})}});
  EXPECT_NE(weight_hash(folder.path()), expected);
}

TEST(WeightHash, TakesTheDigestFromTheNameOfAHubBlob) {
  const TempFolder cache;
  const fs::path snapshot = cache / "models--x/snapshots/0123";
  fs::create_directories(snapshot / "vae");
  write_file(cache.path() / "models--x/blobs" / kAbc, "not hashed");
  fs::create_symlink(fs::path("../../../blobs") / kAbc, snapshot / "vae/model.safetensors");
  EXPECT_EQ(weight_hash(snapshot), sha256(std::string("vae/model.safetensors ") + kAbc + "\n"));
}

TEST(WeightHash, IsOfTheComponentsWhereverTheyLie) {
  const TempFolder elsewhere, folder;
  for (const char* name : {"first", "second"}) {
    fs::create_directories(elsewhere / name);
    write_file(elsewhere.path() / name / "model.safetensors", name);
  }
  write_file(folder / "model_index.json", R"({"_class_name": "Any", "transformer": ["diffusers", "Any"]})");
  const auto linked_to = [&](const char* name) {
    fs::remove(folder / "transformer");
    fs::create_directory_symlink(elsewhere / name, folder / "transformer");
    return weight_hash(folder.path());
  };
  const std::string first = linked_to("first");
  EXPECT_EQ(first, sha256("transformer/model.safetensors " + sha256("first") + "\n"));
  EXPECT_NE(linked_to("second"), first);
  write_file(folder / "profile.safetensors", "beside the model");
  fs::create_directories(folder / "profiles");
  write_file(folder / "profiles/p.safetensors", "beside the model");
  EXPECT_EQ(linked_to("first"), first);
}

TEST(WeightHash, NeedsWeights) {
  const TempFolder folder;
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { weight_hash(folder.path()); }), "holds no weights"));
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { weight_hash(folder / "absent"); }), "No such file"));
}

}  // namespace
}  // namespace ditto::test
