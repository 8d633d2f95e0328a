#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ditto {

/// The smallest thing that can be cached, for example {"blocks.3.self_attention", "self_attention", 3}.
struct UnitInfo {
  std::string name;
  std::string kind;
  int block = 0;
};

/// Which model this is: the name of its folder and the SHA-256 of its weights (io/manifest.h).
struct ModelIdentity {
  std::string name;
  std::string weight_hash;
};

/// What a policy may know about a model before the run: its units in order of execution, grouped into blocks. A token
/// stands for `patch` = frames x height x width elements of the latent.
struct Topology {
  ModelIdentity identity;
  std::vector<UnitInfo> units;
  int channels = 0;
  bool guidance_distilled = false;
  std::array<int, 3> patch = {1, 1, 1};

  int unit_count() const { return static_cast<int>(units.size()); }
  int block_count() const { return units.empty() ? 0 : units.back().block + 1; }
  int block_begin(int block) const;  ///< first unit of a block
  int block_end(int block) const;    ///< one past its last unit
};

/// What a stored feature measures. kOutput: a unit's output before its gate, or the prediction itself. kDelta: the
/// state after the site minus before it, or prediction minus latent. kState: the state after the site.
/// kBranchDelta: unconditional minus conditional prediction.
enum class FeatureForm : std::uint8_t { kOutput, kDelta, kState, kBranchDelta };

/// Where a site lies: a run of units, or the whole prediction.
enum class Scope : std::uint8_t { kUnits, kPrediction };

std::string_view form_name(FeatureForm form);
FeatureForm form_from_name(std::string_view name);  ///< throws Error(kBadInputFile) on an unknown word

/// Into what components a feature is split when it is stored, each with a weight of its own in a blend.
/// kFrequencyBands, at the prediction only: the low and the high spatial frequencies (kernels/frequency_bands.h).
enum class Split : std::uint8_t { kNone, kFrequencyBands };

std::string_view split_name(Split split);

/// A place where a policy acts. Units [begin, end) for Scope::kUnits; kOutput covers exactly one unit. `keep` is the
/// number of snapshots the store holds per branch. `cluster_of_channel`, when not empty, sorts the model's channels
/// into clusters 0, 1, ... whose blends have weights of their own.
struct Site {
  std::string name;
  Scope scope = Scope::kUnits;
  int begin = 0;
  int end = 0;
  FeatureForm form = FeatureForm::kDelta;
  int keep = 1;
  Split split = Split::kNone;
  std::vector<int> cluster_of_channel = {};

  int components() const { return split == Split::kNone ? 1 : 2; }
  int clusters() const;
  std::size_t weights_per_snapshot() const { return static_cast<std::size_t>(clusters() * components()); }
};

/// What a probe looks at. kState: the state after the unit (-1: after the embedding), [1, tokens, channels].
/// kReceivedAttention: how much attention each token receives in that self-attention unit, [1, tokens].
enum class ProbeKind : std::uint8_t { kState, kReceivedAttention };

/// A look inside a step, kept until its end for decisions. Received attention is had only in steps in which the unit is
/// computed, costs about as much as the unit, and is measured for every `query_stride`-th query.
struct Probe {
  int unit = -1;
  ProbeKind kind = ProbeKind::kState;
  int query_stride = 8;
};

/// Cheap, step-dependent tensors a model offers to policies. kTimeEmbedding: what the network is told of the timestep,
/// [rows, channels]. kTimeProjection: its projection to modulations, [rows, parts, channels]. kModulatedInput: the
/// normalised and modulated input of the first unit, [rows, tokens, channels].
enum class Signal : std::uint8_t { kTimeEmbedding, kTimeProjection, kModulatedInput };

/// What a policy asks of the engine. Sites nest or are disjoint; of nested sites the outer one is asked first. Probes
/// and signals cost time in every step and are had only when declared here. `remembered_states` and
/// `remembered_latents` bound what the policy remembers besides its snapshots, per branch, in sizes of the hidden state
/// and of the latent: they price the plan before the run.
struct Plan {
  std::vector<Site> sites;
  std::vector<Probe> probes = {};
  std::vector<Signal> signals = {};
  double remembered_states = 0;
  double remembered_latents = 0;
};

/// Name of a run of units: a unit's own name, "blocks.3" for a whole block, "blocks.0-15" for several.
std::string site_name(const Topology& topology, int begin, int end);

/// Site over units [begin, end), named by site_name.
Site unit_site(const Topology& topology, int begin, int end, FeatureForm form, int keep = 1);

/// Site over the whole prediction, named "prediction" ("prediction.branch_delta" for FeatureForm::kBranchDelta).
Site prediction_site(FeatureForm form, int keep = 1);

/// Throws Error(kUsage) naming the sites when a plan (or several policies at once) asks for the impossible: a range
/// outside the model, two sites of one name, sites that overlap without nesting, kOutput over several units or
/// twice over one, a branch delta of a distilled model.
void validate(const Plan& plan, const Topology& topology);

}  // namespace ditto
