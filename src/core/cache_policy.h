#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/feature.h"
#include "core/run_info.h"
#include "core/site.h"
#include "core/step_grid.h"
#include "kernels/kernel_mode.h"

namespace ditto {

/// What a policy may look at, and the tensors it asked the store to hold, for one site and branch. A policy owns no
/// tensors of its own: what it wants to compare with later is remembered here and counts against the byte budget.
class Evidence {
 public:
  virtual ~Evidence() = default;

  /// State [1, tokens, channels] entering the site, or leaving it in observe(); undefined at the prediction. A view
  /// that the engine goes on to update.
  virtual at::Tensor hidden() const = 0;

  /// State at plan.probes[index]; undefined when it was not reached in this step.
  virtual at::Tensor probe(int index) const = 0;

  /// One of plan.signals; undefined at the prediction.
  virtual at::Tensor signal(Signal signal) const = 0;

  /// What was remembered at this site and branch; undefined when nothing was.
  virtual at::Tensor recall(const std::string& name) const = 0;

  /// Replaces what is held under `name`; an undefined tensor forgets it. False, and nothing is held, when the byte
  /// budget is exhausted.
  virtual bool remember(const std::string& name, const at::Tensor& tensor) = 0;
};

/// One question of the engine: this site, step and branch. Snapshots are ordered newest first.
struct DecisionPoint {
  StepInfo step;
  Branch branch = Branch::kConditional;
  int site = 0;  ///< index into the policy's plan
  std::span<const Snapshot> snapshots;
  const at::Tensor& latent;  ///< the model's input [1, channels, frames, height, width], fp32
  Evidence& evidence;
  KernelMode kernels = KernelMode::kAuto;  ///< how what is looked at is to be measured

  /// Executed steps since the newest snapshot; -1 when there is none.
  int age() const;
};

enum class Action : std::uint8_t { kRecompute, kBlend };

/// A policy's answer. A blend is the sum over snapshots (newest first) of weight times feature; fewer weights than
/// snapshots leave the oldest out. Where a site has clusters, `weights` holds a row for each cluster; where it has
/// components, a snapshot has one weight for each of them, next to one another. The engine turns an impossible blend
/// into a recompute and says so in the trace.
struct Decision {
  Action action = Action::kRecompute;
  std::vector<float> weights;
  std::string reason;
  std::optional<double> score;
  bool shadow = false;  ///< recompute, but also evaluate the blend of `weights` and hand it to observe()

  static Decision recompute(std::string reason, std::optional<double> score = {});
  static Decision reuse(std::string reason, std::optional<double> score = {});
  static Decision blend(std::vector<float> weights, std::string reason, std::optional<double> score = {});
};

/// The value of an option that the policy settles itself.
inline constexpr const char* kAutomatic = "auto";

/// An option that may be left to the policy and its value in this run, as the option is written; "none" where it has no
/// effect, a word for what the option cannot hold (lists by branch). `policy` is the place in a stack.
struct SettledOption {
  std::string name;
  std::string value;
  std::size_t policy = 0;
};

/// Decides for one run: made before it, gone after it. Never asked about a site inside one that was blended.
class CachePolicy {
 public:
  virtual ~CachePolicy() = default;

  /// The run the policy was made for, before anything else. Policies made from a file refuse a run it does not fit:
  /// Error(kBadInputFile) that names both sides.
  virtual void begin(const Topology& topology, const RunInfo& run);

  /// Sites and probes for this model and these steps. Called once, after begin and shape_grid.
  virtual Plan plan(const Topology& topology, std::span<const StepInfo> schedule) = 0;

  /// Recompute or blend at this site, step and branch. Asked once per executed step, conditional branch first.
  virtual Decision decide(const DecisionPoint& point) = 0;

  /// Called after a recompute, before the fresh feature is stored. `shadow` is the blend that a shadow decision asked
  /// for, or null.
  virtual void observe(const DecisionPoint& point, const Feature& fresh, const Feature* shadow);

  /// What a user should know of the run that has ended, one line each.
  virtual std::vector<std::string> warnings() const { return {}; }

  /// For the trace: of every option whose default is kAutomatic, the value it has in this run unless it was given.
  /// Asked after plan().
  virtual std::vector<SettledOption> settled_options() const { return {}; }

  /// The grid to visit: policies that jump over steps or move noise levels return another one.
  virtual StepGrid shape_grid(StepGrid grid) const { return grid; }
};

}  // namespace ditto
