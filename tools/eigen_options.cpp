// The options of heavykeys eigen and heavykeys overlap.
#include "tools/declare.hpp"

namespace heavykeys::tools {

void declare_eigen(CLI::App& app, Options& chosen) {
  auto [verb, eigen] = add_verb<EigenOptions>(
      app, chosen, "eigen", "Principal components of attention score matrices, in one pass",
      "heavykeys eigen --queries q.npy --keys k.npy --window 128 --out components");
  verb->add_option("--queries", eigen->queries, ".npy or FILE.safetensors:TENSOR, [n, d] or [heads, n, d]")
      ->type_name("Q");
  verb->add_option("--keys", eigen->keys, "as Q, and of its shape")->type_name("K");
  verb->add_option("--scores", eigen->scores, "score matrices instead of Q and K: [N, n, n], as they are")
      ->type_name("S");
  verb->add_option("--window", eigen->window, "cut Q and K into matrices of N rows each; default: one of all")
      ->type_name("N")
      ->check(not_negative);
  verb->add_option("--of", eigen->of, "components of the matrices' rows, or of whole matrices")
      ->type_name("rows|matrices")
      ->check(CLI::IsMember({"rows", "matrices"}))
      ->capture_default_str();
  verb->add_option("--normalisation", eigen->normalisation, "scores as they are, or attention weights")
      ->type_name("none|softmax")
      ->check(CLI::IsMember({"none", "softmax"}))
      ->capture_default_str();
  verb->add_flag("--causal", eigen->causal, "of softmax: query i sees only the keys j <= i");
  verb->add_option("--scale", eigen->scale, "scores are SCALE q.k; default: 1 / sqrt(d)")->type_name("SCALE");
  verb->add_flag("--each-head", eigen->each_head, "of each head apart; default: all heads together");
  verb->add_option("--components", eigen->components, "keep so many; default: all there are")
      ->type_name("R")
      ->check(not_negative);
  verb->add_option("--sketch-columns", eigen->sketch_columns,
                   "keep the covariance as its products with N random vectors; default: 256 for whole\n"
                   "matrices above 32 x 32, else 0: the whole covariance")
      ->type_name("N")
      ->check(not_negative);
  verb->add_option("--seed", eigen->seed, "seed of those vectors; default: 0")
      ->type_name("S")
      ->check(not_negative);
  auto* from = verb->add_option("--from", eigen->from, "go on from covariances that --save wrote, added up")
                   ->type_name("S.hkc");
  auto* save =
      verb->add_option("--save", eigen->save, "write the covariance, to go on from or to add to others")
          ->type_name("S.hkc");
  verb->get_option("--each-head")->excludes(from)->excludes(save);
  verb->add_option("--out", eigen->out, "folder for the arrays and summary.json")->type_name("DIR");
  verb->add_flag("--json", eigen->json, "print summary.json, and nothing else, on stdout");
  verb->add_flag("--quiet", eigen->quiet, "print nothing");
  add_engine(*verb, eigen->engine);

  auto [overlap_verb, overlap] =
      add_verb<OverlapOptions>(app, chosen, "overlap", "How alike two results of heavykeys eigen are",
                               "heavykeys overlap layer-0 layer-1 --components 10");
  overlap_verb->add_option("a", overlap->a, "folder of heavykeys eigen")->type_name("DIR")->required();
  overlap_verb->add_option("b", overlap->b, "another")->type_name("DIR")->required();
  overlap_verb
      ->add_option("--components", overlap->components,
                   "compare the first R of each; default: those that hold\n"
                   "90% of the variance of the first")
      ->type_name("R")
      ->check(not_negative);
  overlap_verb->add_flag("--json", overlap->json, "as JSON");
}

}  // namespace heavykeys::tools
