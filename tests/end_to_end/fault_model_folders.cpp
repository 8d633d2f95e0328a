// Cases 18 to 26 of docs/robustness.md: model folders, and files that are none.
#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "end_to_end/bad_model.h"
#include "end_to_end/faults.h"

namespace ditto::test {
namespace {

using nlohmann::json;

/// Generates with a copy of the small model that `spoil` was at.
Fault spoiled(int number, const std::string& name, const std::function<void(const fs::path& model)>& spoil,
              const std::string& text) {
  return {number, name,
          [spoil](const fs::path& folder) {
            const fs::path model = small_model(folder);
            spoil(model);
            return generate(model);
          },
          kBadInputFile, text};
}

Fault edited(int number, const std::string& name, int exit_code, const std::string& file,
             const std::function<void(Tensors&)>& edit, const std::string& text) {
  return {number, name, [file, edit](const fs::path& folder) { return generate_edited(folder, file, edit); }, exit_code,
          text};
}

/// The transformer's single file becomes shard.safetensors of an index, which `change` is at.
void shard(const fs::path& model, const std::function<void(json& weight_map)>& change) {
  const fs::path folder = model / "transformer";
  json weight_map;
  const Tensors tensors = Tensors::read(model / kTransformerFile);
  for (const auto& [name, entry] : tensors.header.items()) {
    if (name != "__metadata__") weight_map[name] = "shard.safetensors";
  }
  fs::rename(model / kTransformerFile, folder / "shard.safetensors");
  change(weight_map);
  write_file(folder / "diffusion_pytorch_model.safetensors.index.json", json{{"weight_map", weight_map}}.dump());
}

Fault indexed(const std::string& name, const std::function<void(const fs::path& folder, json& weight_map)>& change,
              const std::string& text) {
  return spoiled(
      18, name,
      [change](const fs::path& model) {
        shard(model, [&](json& weight_map) { change(model / "transformer", weight_map); });
      },
      text);
}

void append_index_faults(std::vector<Fault>& faults) {
  const auto first_in = [](const std::string& file) {
    return [file](const fs::path&, json& weight_map) { weight_map.begin().value() = file; };
  };
  Fault whole = indexed(
      "shards are accepted", [](const fs::path&, json&) {}, "2 of 2");
  whole.exit_code = kDone;
  whole.text = "24 of 24 units computed";
  faults.push_back(whole);
  faults.push_back(indexed("..", first_in("../x.safetensors"), "'../x.safetensors' leaves the folder"));
  faults.push_back(indexed("absolute path", first_in("/etc/x.safetensors"), "is an absolute path"));
  faults.push_back(indexed(
      "link outside",
      [](const fs::path& folder, json& weight_map) {
        fs::rename(folder / "shard.safetensors", folder / "../../away.safetensors");
        fs::create_symlink("../../away.safetensors", folder / "shard.safetensors");
        weight_map.begin().value() = "shard.safetensors";
      },
      "'shard.safetensors' is a link out of the folder"));
  faults.push_back(indexed("missing shard", first_in("other.safetensors"), "cannot be found: No such file"));
  faults.push_back(indexed(
      "tensor in two shards",
      [](const fs::path& folder, json& weight_map) {
        fs::copy_file(folder / "shard.safetensors", folder / "twin.safetensors");
        weight_map.begin().value() = "twin.safetensors";
      },
      "is in both 'shard.safetensors' and 'twin.safetensors'"));
  faults.push_back(indexed(
      "cycle",
      [](const fs::path& folder, json& weight_map) {
        fs::create_symlink("ring-2.safetensors", folder / "ring-1.safetensors");
        fs::create_symlink("ring-1.safetensors", folder / "ring-2.safetensors");
        weight_map.begin().value() = "ring-1.safetensors";
      },
      "cannot be found: Too many levels of symbolic links"));
}

/// Writes NaN over the last value of an fp32 tensor.
void spoil_last_value(Tensors& tensors, const std::string& name) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::size_t end = tensors.header.at(name).at("data_offsets").at(1);
  tensors.data.replace(end - sizeof nan, sizeof nan, reinterpret_cast<const char*>(&nan), sizeof nan);
}

void append_tensor_faults(std::vector<Fault>& faults) {
  // The last row of the embedding table: a token that the prompt does not have.
  faults.push_back(edited(
      19, "NaN that is not met", kDone, kTextEncoderFile,
      [](Tensors& tensors) { spoil_last_value(tensors, "shared.weight"); }, "dit-gen: warning: "));
  faults.back().text = "text_encoder: tensor 'shared.weight' has NaN or infinite values";
  faults.push_back(edited(
      19, "NaN that is met", kInternal, kTransformerFile,
      [](Tensors& tensors) { spoil_last_value(tensors, "proj_out.bias"); }, "step 0: the latent has NaN"));
  faults.push_back(edited(
      20, "wrong shape", kBadInputFile, kTransformerFile,
      [](Tensors& tensors) {
        tensors.header.at("proj_out.weight").at("shape") = {24, 64};
      },
      "weights do not fit the model: 'proj_out.weight' has shape [24, 64], not [64, 24]; accepted: the weights"));
  faults.push_back(edited(
      20, "missing and surplus tensors", kBadInputFile, kTransformerFile,
      [](Tensors& tensors) {
        nlohmann::ordered_json renamed;
        for (const auto& [name, entry] : tensors.header.items()) {
          renamed[name.starts_with("blocks.") ? "old_" + name : name] = entry;
        }
        tensors.header = renamed;
      },
      " more; accepted: the weights that belong to its config.json"));
}

void set_in_index(const fs::path& model, const std::string& key, const json& value) {
  json index = json::parse(read_file(model / "model_index.json"));
  index[key] = value;
  write_file(model / "model_index.json", index.dump());
}

void append_family_faults(std::vector<Fault>& faults) {
  faults.push_back(spoiled(
      21, "another family",
      [](const fs::path& model) { set_in_index(model, "_class_name", "StableDiffusionPipeline"); },
      "is a StableDiffusionPipeline model, which Ditto does not run; accepted: a diffusers folder whose "
      "model_index.json names WanPipeline"));
  faults.push_back(spoiled(
      21, "Wan 2.2",
      [](const fs::path& model) {
        set_in_index(model, "transformer_2", {"diffusers", "WanTransformer3DModel"});
      },
      "this is a Wan 2.2 model"));
  faults.push_back(spoiled(
      21, "image to video",
      [](const fs::path& model) {
        set_in_index(model, "image_encoder", {"transformers", "CLIPVisionModel"});
      },
      "this is an image-to-video model"));
}

/// A transformer folder that holds this file alone.
Fault only_file(int number, const std::string& name, const std::string& file, const std::string& bytes,
                const std::string& text) {
  return spoiled(
      number, name,
      [file, bytes](const fs::path& model) {
        fs::remove(model / kTransformerFile);
        write_file(model / "transformer" / file, bytes);
      },
      text);
}

/// `-m FILE`.
Fault file_as_model(int number, const std::string& name, const std::string& file, const std::string& bytes,
                    const std::string& text) {
  return {number, name, [file, bytes](const fs::path& folder) { return generate(write_file(folder / file, bytes)); },
          kBadInputFile, text};
}

void append_foreign_file_faults(std::vector<Fault>& faults) {
  const std::string pickle = "\x80\x02}q\x01.";
  const std::string zip = "PK\x03\x04 0123456789 0123456789";
  const std::string gguf = std::string("GGUF\x03\0\0\0", 8) + std::string(24, '\0');
  const std::string onnx = "\x08\x07\x12\x07pytorch and more";
  const std::string safetensors_name = fs::path(kTransformerFile).filename();
  faults.push_back(
      only_file(22, "pickle beside no weights", "diffusion_pytorch_model.bin", pickle,
                "holds no safetensors weights, only 'diffusion_pytorch_model.bin', which is never opened"));
  faults.push_back(only_file(22, "pickle under another name", safetensors_name, pickle + "0123456789", "is a pickle"));
  faults.push_back(only_file(22, "zip under another name", safetensors_name, zip, "is a zip archive"));
  faults.push_back(file_as_model(22, "checkpoint as model", "wan.ckpt", zip, "is a zip archive"));
  faults.push_back(only_file(25, "GGUF under another name", safetensors_name, gguf, "is a GGUF file"));
  faults.push_back(only_file(25, "ONNX under another name", safetensors_name, onnx, "is an ONNX model"));
  faults.push_back(file_as_model(25, "GGUF as model", "wan.gguf", gguf, "is a GGUF file, no model folder"));
}

void write_wrong_manifest(const fs::path& model) {
  const json entry = {{"sha256", std::string(64, '0')}, {"bytes", fs::file_size(model / "vae/config.json")}};
  write_file(model / "manifest.json", json{{"files", {{"vae/config.json", entry}}}}.dump());
}

void append_manifest_faults(std::vector<Fault>& faults) {
  faults.push_back(spoiled(23, "sha256 differs", write_wrong_manifest, "accepted: the listed file, or --no-verify"));
  Fault accepted = faults.back();
  accepted.name = "sha256 differs, --no-verify";
  accepted.make = [make = accepted.make](const fs::path& folder) { return make(folder) + Arguments{"--no-verify"}; };
  accepted.exit_code = kDone;
  accepted.text = "24 of 24 units computed";
  faults.push_back(accepted);
}

Fault given(const std::string& name, const std::function<Arguments(const fs::path& folder)>& make,
            const std::string& text) {
  return {26, name, make, kBadInputFile, text};
}

fs::path make_fifo(const fs::path& path) {
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return path;
}

void append_special_file_faults(std::vector<Fault>& faults) {
  const auto replaced = [](const std::string& file, const auto& make) {
    return [file, make](const fs::path& model) {
      fs::remove(model / file);
      make(model / file);
    };
  };
  const auto closed = [](const std::string& file) {
    return [file](const fs::path& model) { fs::permissions(model / file, fs::perms::none); };
  };
  faults.push_back(spoiled(26, "weights without permission", closed(kTransformerFile), "Permission denied"));
  faults.back().options.bound_by_permissions = true;
  faults.push_back(spoiled(26, "folder without permission", closed("."), "Permission denied"));
  faults.back().options.bound_by_permissions = true;
  faults.push_back(spoiled(26, "weights are a folder",
                           replaced(kTransformerFile, [](const fs::path& path) { fs::create_directory(path); }),
                           "is a folder"));
  faults.push_back(spoiled(26, "weights are a FIFO", replaced(kTransformerFile, make_fifo), "is a FIFO"));
  faults.push_back(spoiled(26, "config is a FIFO", replaced("model_index.json", make_fifo), "is a FIFO"));
  faults.push_back(
      spoiled(26, "weights are /dev/zero",
              replaced(kTransformerFile, [](const fs::path& path) { fs::create_symlink("/dev/zero", path); }),
              "is a link out of the folder"));
  const auto option = [&](const std::string& name, const fs::path& file) {
    faults.push_back(given(
        name + " " + file.string(),
        [=](const fs::path& folder) {
          const fs::path path = file == "fifo" ? make_fifo(folder / file) : file;
          return Arguments{"-p", "x", "-o", "clip.mp4", name, path.string()};
        },
        file.filename().string() + ": is "));
  };
  option("-m", "fifo");
  option("-m", "/dev/zero");
  option("--noise", "fifo");
  option("--noise", "/dev/zero");
  option("--replay", "fifo");
  option("--schedule", "/dev/zero");
  for (const char* verb : {"inspect", "reproduce"}) {
    faults.push_back(given(
        std::string(verb) + " FIFO",
        [=](const fs::path& folder) {
          return Arguments{verb, make_fifo(folder / "fifo").string()};
        },
        "fifo: is "));
  }
  faults.push_back(given(
      "--prompts FIFO",
      [](const fs::path& folder) {
        return Arguments{"--prompts", make_fifo(folder / "fifo").string()};
      },
      "is a pipe that nobody writes to"));
  faults.push_back(given(
      "--prompts folder",
      [](const fs::path& folder) {
        return Arguments{"--prompts", folder.string()};
      },
      "is no file"));
}

}  // namespace

std::vector<Fault> model_folder_faults() {
  std::vector<Fault> faults;
  append_index_faults(faults);
  append_tensor_faults(faults);
  append_family_faults(faults);
  append_foreign_file_faults(faults);
  append_manifest_faults(faults);
  append_special_file_faults(faults);
  return faults;
}

}  // namespace ditto::test
