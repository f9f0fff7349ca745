// The options of heavykeys plant.
#include "tools/declare.hpp"

namespace heavykeys::tools {
namespace {

void add_plant_precision(CLI::App& verb, PlantVerbOptions& plant) {
  verb.add_option("--epsilon1", plant.plant.epsilon1, "ratios within a row are right within a factor 1 + E1")
      ->type_name("E1")
      ->check(not_empty)
      ->capture_default_str();
  verb.add_option("--epsilon2", plant.plant.epsilon2,
                  "no weight off the pattern is above E2; default: 1 / (100 columns)")
      ->type_name("E2")
      ->check(not_zero);
  verb.add_option("--failure", plant.plant.failure,
                  "probability, over the seed, that the bound may fail with")
      ->type_name("DELTA")
      ->check(not_empty)
      ->capture_default_str();
  verb.add_option("--dim", plant.plant.dim, "columns of queries and keys; default: the bound")
      ->type_name("R")
      ->check(not_zero);
  verb.add_option("--logit", plant.plant.logit,
                  "logit of each row's greatest entry, above ln(1/E2); default: docs/sparse_patterns.md")
      ->type_name("T")
      ->check(not_zero);
  verb.add_option("--construction", plant.construction, "interpolating, or svd, the paper's")
      ->type_name("NAME")
      ->check(CLI::IsMember({"interpolating", "svd"}))
      ->capture_default_str();
}

}  // namespace

void declare_plant(CLI::App& app, Options& chosen) {
  auto [verb, plant] = add_verb<PlantVerbOptions>(
      app, chosen, "plant", "Make queries and keys whose softmax attention is a given sparse matrix",
      "heavykeys plant --random 1024 --nonzeros 2 --ratio 4 --out planted");
  auto* pattern = verb->add_option("--pattern", plant->pattern,
                                   "the matrix: .npy [L, L'] of elements >= 0, or a folder with indptr.npy,\n"
                                   "indices.npy (int64) and values.npy (float64), its columns in order")
                      ->type_name("M");
  auto* random =
      verb->add_option("--random", plant->random, "or a random one, L x L")->type_name("L")->check(not_zero);
  pattern->excludes(random);
  verb->add_option("--nonzeros", plant->nonzeros,
                   "entries of each row and column of a random pattern, default 1; the most of a given one")
      ->type_name("K")
      ->check(not_zero);
  verb->add_option("--ratio", plant->ratio,
                   "greatest entry / least entry in each row of a random pattern, default 1; the most of a "
                   "given one")
      ->type_name("GAMMA")
      ->check(not_empty);
  verb->add_option("--seed", plant->plant.seed, "seed of the random pattern and of the construction")
      ->type_name("S")
      ->check(not_negative)
      ->capture_default_str();
  add_plant_precision(*verb, *plant);
  auto* search = verb->add_flag("--smallest-dim", plant->smallest_dim, "search the least R that is enough");
  verb->add_option("--trials", plant->trials, "seeds that all must succeed in the search: S, S + 1, ...")
      ->type_name("N")
      ->check(not_zero)
      ->needs(search)
      ->capture_default_str();
  verb->get_option("--dim")->excludes(search);
  verb->add_option("--dtype", plant->dtype, "of queries and keys as written: float64 or float32")
      ->type_name("DTYPE")
      ->check(CLI::IsMember({"float64", "float32"}))
      ->capture_default_str();
  verb->add_option("--out", plant->out, "folder for the arrays and summary.json")->type_name("DIR");
  verb->add_flag("--json", plant->json, "print summary.json, and nothing else, on stdout");
  verb->add_flag("--quiet", plant->quiet, "print nothing");
  add_engine(*verb, plant->engine);
}

}  // namespace heavykeys::tools
