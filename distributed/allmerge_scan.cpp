// Scans of shards become one: sums natively, as wide integers; then the keys that are heavy in the whole.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "distributed/agree.hpp"
#include "distributed/lock_step.hpp"
#include "distributed/open_blocks.hpp"
#include "distributed/row_directory.hpp"
#include "heavykeys/distributed.hpp"
#include "lib/byte_stream.hpp"
#include "lib/crc64.hpp"
#include "lib/float_environment.hpp"
#include "lib/read_rows.hpp"
#include "lib/scan.hpp"
#include "lib/scan_state.hpp"
#include "lib/text.hpp"
#include "lib/verification.hpp"
#include "lib/verification_state.hpp"

namespace heavykeys::distributed {

namespace {

using detail::ScanPass;

/// "a query differs" is told by a checksum of their values, whatever their dtype.
std::string text_of(const Rows& queries) {
  std::vector<double> row(queries.dim);
  detail::ByteWriter values;
  for (std::size_t i = 0; i < queries.count; ++i) {
    detail::read_row(queries, i, row.data());
    for (double& x : row) x += 0.0;  // minus zero is zero
    values.put_array(row.data(), row.size());
  }
  std::string text = std::to_string(queries.count) + " queries of dim ";
  text += std::to_string(queries.dim) + ", checksum " + std::to_string(detail::crc64(values.bytes()));
  return text;
}

std::string text_of(const ScanOptions& options) {
  std::string text = options.causal ? " causal" : "";
  text += " key_count=" + std::to_string(options.key_count);
  text += options.mode == Mode::no_false_negatives ? " no-false-negatives" : " no-false-positives";
  text += " tolerance=" + detail::shortest(options.tolerance);
  return text;
}

/// Entries by a checksum; these decide which queries are in doubt, and what is kept of the others.
std::string text_of(const HeavyEntries& entries) {
  detail::ByteWriter bytes;
  bytes.put_array(entries.indptr.data(), entries.indptr.size());
  bytes.put_array(entries.keys.data(), entries.keys.size());
  for (const auto* values : {&entries.weights, &entries.lower, &entries.upper}) {
    for (const double v : *values) bytes.put(v + 0.0);  // minus zero is zero
  }
  std::string text = " found " + std::to_string(entries.keys.size());
  return text + " entries, checksum " + std::to_string(detail::crc64(bytes.bytes()));
}

void sum_pass(Communicator& comm, ScanPass& pass) {
  std::vector<std::int64_t> tops(pass.sum_count());
  std::vector<std::uint64_t> words(pass.word_count());
  pass.get_top_bins(tops);
  comm.all_max(tops);
  pass.raise(tops);
  pass.get_words(words);
  comm.all_sum(words, detail::ScanSum::kLimbs);
  pass.set_words(words);
}

/// Every rank gets all candidates that the sums of all have not outgrown.
void gather_candidates(Communicator& comm, ScanPass& pass) {
  pass.sweep();
  detail::ByteWriter mine;
  for (std::size_t i = 0; i < pass.query_count(); ++i) pass.put_candidates(i, mine);
  const auto parts = comm.gather(mine.bytes());
  for (std::size_t r = 0; r < parts.size(); ++r) {
    if (static_cast<int>(r) == comm.rank()) continue;
    detail::ByteReader in(parts[r]);
    for (std::size_t i = 0; i < pass.query_count(); ++i) pass.append_candidates(i, in);
  }
}

template <class Pass>
void bring_rows_together(Communicator& comm, Pass& pass, const RowsHere& here) {
  const RowDirectory directory = gather_rows(comm, here);
  complete_blocks(comm, directory, here,
                  [&](const Rows& rows) { detail::absorb_with(pass, rows, detail::serial_workers()); });
  here.waiting = gather_open_blocks(comm, directory, here, std::nullopt);
  here.absorbed = directory.rows;
}

void merge_scans(Communicator& comm, Scan& scan) {
  detail::ScanState& state = detail::ScanAccess::state(scan);
  ScanPass& pass = state.pass;
  if (state.finished) throw InvalidInput("the entries of this scan were taken; it cannot be merged");
  agree(comm, "the scans",
        detail::identity(pass.score()) + " epsilon=" + detail::shortest(pass.epsilon()) +
            text_of(pass.options()) + " " + text_of(pass.queries()));
  bring_rows_together(comm, scan,
                      {state.coverage, state.fragments, pass.queries().dim, state.batch_rows, state.end()});
  sum_pass(comm, pass);
  gather_candidates(comm, pass);
}

void merge_verifications(Communicator& comm, Verification& verification) {
  detail::VerificationState& state = detail::VerificationAccess::state(verification);
  if (state.finished) throw InvalidInput("the entries of this verification were taken; it cannot be merged");
  std::string mine = to_string(state.spec) + text_of(state.options) + " " +
                     std::to_string(state.undecided.size()) + " undecided" + text_of(state.found);
  for (const detail::VerificationRun& run : state.runs) mine += ", " + text_of(run.rows.view());
  agree(comm, "the verifications", mine);
  if (state.runs.empty()) return;
  bring_rows_together(comm, verification,
                      {state.coverage, state.fragments, state.spec.dim, state.batch_rows, state.end()});
  for (detail::VerificationRun& run : state.runs) {
    sum_pass(comm, run.pass);
    gather_candidates(comm, run.pass);
  }
}

}  // namespace

void allmerge(Communicator& comm, Scan& scan) {
  const detail::FloatEnvironment ieee;
  if (comm.size() == 1) return;
  LockStep steps(comm);
  steps.run([&] { merge_scans(steps, scan); });
}

void allmerge(Communicator& comm, Verification& verification) {
  const detail::FloatEnvironment ieee;
  if (comm.size() == 1) return;
  LockStep steps(comm);
  steps.run([&] { merge_verifications(steps, verification); });
}

}  // namespace heavykeys::distributed
