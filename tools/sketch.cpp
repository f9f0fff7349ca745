// heavykeys sketch: keys into a state file, from the start or where an older one ends.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

#include "heavykeys/distributed.hpp"
#include "heavykeys/streaming.hpp"
#include "tools/answer.hpp"
#include "tools/checkpoints.hpp"
#include "tools/context.hpp"
#include "tools/first_state.hpp"
#include "tools/input_files.hpp"
#include "tools/pass.hpp"
#include "tools/results.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

Range parse_range(const std::string& text) {
  Range range{0, std::numeric_limits<std::uint64_t>::max()};
  if (text.empty()) return range;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.begin);
  const bool colon = first.ec == std::errc() && first.ptr != end && *first.ptr == ':';
  if (colon) {
    const auto second = std::from_chars(first.ptr + 1, end, range.end);
    if (second.ec == std::errc() && second.ptr == end && range.begin < range.end) return range;
  }
  throw InvalidInput("--rows \"" + text + "\" is not A:B with A < B");
}

std::size_t choose_head(const SketchOptions& options, const KeySource& keys) {
  const KeyShape& shape = keys.shape();
  if (!shape.has_heads && !options.head) return 0;
  if (!options.head) {
    throw InvalidInput(keys.name() + ": has " + std::to_string(shape.heads) +
                       " heads and a state file holds one: choose it with --head");
  }
  if (!shape.has_heads || *options.head >= shape.heads) {
    throw InvalidInput(keys.name() + ": has no head " + std::to_string(*options.head));
  }
  return *options.head;
}

class SketchRun {
 public:
  SketchRun(const SketchOptions& options, Job& job)
      : options_(options),
        job_(job),
        engine_(options.engine, job),
        keys_(open_keys(options.keys)),
        head_(choose_head(options, *keys_)),
        asked_(parse_range(options.rows)),
        sketch_(first_state(options, *keys_)) {
    const std::uint64_t count = keys_->shape().count;
    if (!options.rows.empty() && asked_.end > count) {
      throw InvalidInput(
          fmt::format("{}: --rows {} goes past its {} rows", keys_->name(), options.rows, count));
    }
    asked_.end = std::min(asked_.end, count);
    if (options.resume.empty()) return;
    const std::uint64_t next = sketch_.next_row(options.stream);
    if (next > options.first_row) asked_.begin = std::max(asked_.begin, next - options.first_row);
    if (!job.is_first()) sketch_ = Sketch(sketch_.spec());  // the older rows are in once
  }

  void run() {
    std::vector<Range> left = without(asked_, {});
    if (!options_.checkpoint.empty()) left = go_on_from_checkpoints();
    absorb(left);
    job_.alike([&] { distributed::merge(job_.communicator(), sketch_, 0); });
    job_.first([&] { streaming::save(sketch_, options_.out); });
    if (checkpoints_) checkpoints_->remove();
    job_.first([&] { say_what_was_done(); });
  }

 private:
  /// Takes up what an earlier run has saved, and returns the rows that it lacks.
  std::vector<Range> go_on_from_checkpoints() {
    checkpoints_.emplace(options_.checkpoint, job_);
    checkpoints_->open();
    sketch_ = checkpoints_->load(sketch_.spec());
    std::vector<Range> mine;
    job_.together([&] { mine = rows_in_checkpoint(); });
    std::vector<Range> saved;
    for (const auto& part : job_.communicator().gather(std::as_bytes(std::span(mine)))) {
      const std::size_t before = saved.size();
      saved.resize(before + part.size() / sizeof(Range));
      if (!part.empty()) std::memcpy(saved.data() + before, part.data(), part.size());
    }
    saved_rows_ = row_count(saved);
    return without(asked_, std::move(saved));
  }

  /// As rows of the key file; they must be among those that are asked for.
  std::vector<Range> rows_in_checkpoint() const {
    std::vector<Range> rows;
    const Range ids{options_.first_row + asked_.begin, options_.first_row + asked_.end};
    for (const RowRange& range : absorbed_rows(sketch_)) {
      if (range.stream != options_.stream || range.begin < ids.begin || range.end > ids.end) {
        throw Incompatible(fmt::format(
            "{}: is of another job: it holds rows {}:{} of stream {}, and this one is about {}:{} of {}",
            options_.checkpoint, range.begin, range.end, range.stream, ids.begin, ids.end, options_.stream));
      }
      rows.push_back({range.begin - options_.first_row, range.end - options_.first_row});
    }
    return rows;
  }

  /// Rows of the file, dealt out over the ranks.
  void absorb(const std::vector<Range>& rows) {
    Work work{head_, 1, rows, sketch_.spec().block_rows};
    const Share share = share_of(work, job_);
    if (!checkpoints_) return absorb(share);
    std::vector<Range> mine = share.rows(head_);
    const std::uint64_t every = options_.checkpoint_rows, count = share.row_count();
    const std::int64_t rounds =
        job_.greatest(static_cast<std::int64_t>(count / every + (count % every != 0)));
    for (std::int64_t round = 0; round < rounds; ++round) {
      work.rows = take_rows(mine, every);
      absorb(Share(work));
      checkpoints_->save(sketch_);
    }
  }

  void absorb(const Share& share) {
    pass_over_keys(*keys_, share, engine_, options_.quiet, [&](const KeyChunk& chunk) {
      for (Rows rows : chunk.rows) {
        rows.first_id += options_.first_row;
        rows.stream = options_.stream;
        in_file(keys_->name(), [&] { engine_.absorb(sketch_, rows); });
      }
    });
  }

  void say_what_was_done() const {
    if (options_.quiet) return;
    const std::string saved =
        saved_rows_ == 0 ? "" : fmt::format(" ({} of them from {})", saved_rows_, options_.checkpoint);
    write_stdout(printable(fmt::format("{}: {} rows{}", options_.out, sketch_.row_count(), saved)) + "\n");
  }

  const SketchOptions& options_;
  Job& job_;
  Engine engine_;
  std::unique_ptr<KeySource> keys_;
  std::size_t head_;
  Range asked_;  // rows of the file
  Sketch sketch_;
  std::optional<Checkpoints> checkpoints_;
  std::uint64_t saved_rows_ = 0;
};

/// The command line alone, before any file.
void check(const SketchOptions& options) {
  if (options.resume.empty() && !options.epsilon)
    throw InvalidInput("--epsilon is required without --resume");
  parse_range(options.rows);
  check_stdin(options.keys, "", options.engine);
  if (options.epsilon) validate(new_spec(options, 1, Spec().grid_bits));
  if (options.checkpoint.empty()) return;
  if (!options.resume.empty()) throw InvalidInput("--checkpoint goes on by itself: give it or --resume");
  if (options.keys == "-") throw InvalidInput("--checkpoint needs a file; stdin cannot be read again");
  if (options.checkpoint_rows == 0) throw InvalidInput("--checkpoint-every must be at least 1");
}

}  // namespace

void run(const SketchOptions& options, Job& job) {
  job.alike([&] {
    check(options);
    const Engine engine(options.engine, job);
  });
  std::optional<SketchRun> sketch;
  job.together([&] {
    if (job.is_first()) {
      check_parent_folder(options.out);
      check_keeps_inputs("--out", options.out, {options.keys});
    }
    sketch.emplace(options, job);
  });
  sketch->run();
}

}  // namespace heavykeys::tools
