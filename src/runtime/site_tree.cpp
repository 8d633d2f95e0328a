#include "runtime/site_tree.h"

#include <algorithm>

namespace ditto {
namespace {

void insert(std::vector<SiteNode>& siblings, int site, const Plan& plan) {
  if (!siblings.empty()) {
    const Site& previous = plan.sites[static_cast<std::size_t>(siblings.back().site)];
    if (plan.sites[static_cast<std::size_t>(site)].begin < previous.end) {
      insert(siblings.back().children, site, plan);
      return;
    }
  }
  siblings.push_back({site, {}});
}

}  // namespace

std::vector<int> asking_order(const Plan& plan) {
  std::vector<int> order;
  for (std::size_t site = 0; site < plan.sites.size(); ++site) {
    if (plan.sites[site].scope == Scope::kUnits) order.push_back(static_cast<int>(site));
  }
  std::ranges::stable_sort(order, [&](int left, int right) {
    const Site& a = plan.sites[static_cast<std::size_t>(left)];
    const Site& b = plan.sites[static_cast<std::size_t>(right)];
    if (a.begin != b.begin) return a.begin < b.begin;
    if (a.end != b.end) return a.end > b.end;
    return a.form != FeatureForm::kOutput && b.form == FeatureForm::kOutput;
  });
  return order;
}

std::vector<SiteNode> nest_sites(const Plan& plan) {
  std::vector<SiteNode> roots;
  for (const int site : asking_order(plan)) insert(roots, site, plan);
  return roots;
}

}  // namespace ditto
