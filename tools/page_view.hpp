// What a page shows: which heads, and of each its charts' numbers. Bounded, whatever was asked.
#pragma once

#include <set>

#include "tools/page_data.hpp"

namespace heavykeys::tools {

struct HeadView {
  std::size_t head = 0;
  LeverageBins leverage = {};        ///< of a scan: not filled
  std::optional<EntryMap> map = {};  ///< with queries, as all below
  bool few_cells = false;            ///< so few that each can be named
  std::vector<double> classes = {};  ///< of the map's colours: upper edges, but of the last
  Histogram weights = {};
  EntryShares shares = {};
  Histogram share_counts = {};  ///< queries by their share, twenty bins of 5%
  Histogram mass_counts = {};   ///< the same of the attention on all of U, where it is known
  double mass_mean = 0.0;
  Histogram audit_counts = {};  ///< of a scan with an audit: queries by covered share
  std::vector<KeyTotal> by_leverage = {}, by_queries = {};
  std::size_t heavy_keys = 0;  ///< keys that are heavy for some query
};

struct PageView {
  std::vector<std::size_t> listed;  ///< heads in the overview, ascending
  std::vector<HeadView> shown;      ///< heads with charts, ascending
};

PageView page_view(const Report& report);

/// Rows whose tokens the page shows.
std::set<std::uint64_t> named_rows(const Report& report, const PageView& view);

/// Round numbers between the two, at most four: where the colours of a map change.
std::vector<double> class_edges(double least, double greatest);

}  // namespace heavykeys::tools
