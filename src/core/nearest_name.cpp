#include "core/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ditto {
namespace {

constexpr std::size_t kLongestWord = 64;
constexpr std::size_t kShortestPrefix = 3;

std::string folded(std::string_view word) {
  std::string text(word);
  for (char& c : text) {
    if (c == '-') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// Restricted Damerau-Levenshtein (optimal string alignment) distance.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  const std::string wanted = folded(word);
  std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::string best;
  std::string completed;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const std::string name = folded(candidate);
    const std::size_t distance = edit_distance(wanted, name);
    // A replaced single letter shares nothing with the word: never "near".
    if (distance < best_distance && distance < std::max(wanted.size(), name.size())) {
      best_distance = distance;
      best = candidate;
    }
    if (completed.empty() && wanted.size() >= kShortestPrefix && name.starts_with(wanted)) completed = candidate;
  }
  return best.empty() ? completed : best;
}

}  // namespace ditto
