// All (query, key) pairs with |q.k| > radius, as one would find them without heavykeys: FAISS, or sgemm and a
// scan.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "bench/pairs.hpp"

namespace heavykeys::bench {

struct FaissRun {
  double add_seconds = 0;
  double search_seconds = 0;
  Pairs pairs;
};

/// IndexFlatIP: add all keys, then one range_search for q and -q together (an inner product has a sign, a
/// weight has not). Collecting `pairs` afterwards is in neither time.
/// `block_keys` is FAISS's own distance_compute_blas_database_bs: keys in one of its sgemm calls.
FaissRun search_by_faiss(const Search& search, int block_keys);

/// FAISS's default block or a larger one, the faster by trial; `trials` gets both with their seconds.
int best_faiss_block(const Search& search, nlohmann::json& trials);

/// Block sizes of search_by_sgemm.
struct SgemmPlan {
  std::size_t queries = 0;
  std::size_t keys = 0;
};

/// Every thread takes a range of keys; blocks of products by a one-thread sgemm stay in its L2 and are
/// scanned there.
Pairs search_by_sgemm(const Search& search, const SgemmPlan& plan);

/// The fastest plan on the first eighth of the keys, by trial; `trials` gets every plan with its seconds.
SgemmPlan best_sgemm_plan(const Search& search, nlohmann::json& trials);

}  // namespace heavykeys::bench
