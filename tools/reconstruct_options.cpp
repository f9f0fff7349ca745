// The options of heavykeys reconstruct.
#include "tools/declare.hpp"

namespace heavykeys::tools {

void declare_reconstruct(CLI::App& app, Options& chosen) {
  auto [verb, r] = add_verb<ReconstructOptions>(
      app, chosen, "reconstruct", "How well scores are estimated from some of them",
      "heavykeys reconstruct components --computed 16,32,64 --queries q.npy --keys k.npy --window 128");
  verb->add_option("components", r->folder, "folder of heavykeys eigen")->type_name("DIR")->required();
  verb->add_option("--computed", r->computed, "how many elements of a sample are computed; several: a table")
      ->type_name("S,...")
      ->delimiter(',')
      ->check(not_negative)
      ->required();
  verb->add_option("--choice", r->choice, "which")
      ->type_name("pivoted|random|strided")
      ->check(CLI::IsMember({"pivoted", "random", "strided"}))
      ->capture_default_str();
  verb->add_option("--estimator", r->estimator, "how the others are estimated")
      ->type_name("lmmse|least-squares")
      ->check(CLI::IsMember({"lmmse", "least-squares"}))
      ->capture_default_str();
  verb->add_option("--components", r->components,
                   "use the first R; default: all, for least-squares those that are expected to do best")
      ->type_name("R")
      ->check(not_negative);
  verb->add_option("--ridge", r->ridge, "0 .. 1, in units of the mean variance; default: 1e-9")
      ->type_name("X");
  verb->add_option("--seed", r->seed, "seed of random")
      ->type_name("S")
      ->check(not_negative)
      ->capture_default_str();
  verb->add_option("--queries", r->samples.queries, "measure the error, too: on the scores of Q ...")
      ->type_name("Q");
  verb->add_option("--keys", r->samples.keys, "... and K, as heavykeys eigen takes them")->type_name("K");
  verb->add_option("--scores", r->samples.scores, "or on score matrices [N, n, n]")->type_name("S");
  verb->add_option("--window", r->samples.window, "cut Q and K into matrices of N rows each")
      ->type_name("N")
      ->check(not_negative);
  verb->add_option("--scale", r->samples.scale,
                   "scores are SCALE q.k; default: as the components, else 1 / sqrt(d)")
      ->type_name("SCALE");
  verb->add_option("--out", r->out, "write the reconstructor to a file")->type_name("FILE");
  verb->add_flag("--json", r->json, "as JSON");
}

}  // namespace heavykeys::tools
