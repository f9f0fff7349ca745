#include "lib/row_sample.hpp"

#include <algorithm>
#include <array>

#include "lib/counter_random.hpp"
#include "lib/row_bytes.hpp"

namespace heavykeys::detail {

namespace {

/// Dead slots that are tolerated beyond one for each live one.
constexpr std::size_t kSpare = 64;

}  // namespace

RowSample::RowSample(std::size_t dim, std::size_t capacity, std::uint64_t seed)
    : capacity_(capacity), seed_(seed), key_(derived_seed(seed, Purpose::row_sample)), rows_(dim) {}

std::uint64_t RowSample::hash(KeyId id) const { return random_bits(key_, id.stream, id.row).low; }

bool RowSample::admits(const Entry& e) const {
  if (has_bar_ && !(e < bar_)) return false;
  return heap_.size() < capacity_ || (capacity_ > 0 && e < heap_.front());
}

void RowSample::select(std::uint64_t stream, std::uint64_t first, std::size_t count,
                       std::vector<std::uint32_t>& out) const {
  if (capacity_ == 0) return;
  std::uint64_t highest = ~std::uint64_t{0};  // hashes above it are refused whatever the id
  if (has_bar_) highest = bar_.hash;
  if (heap_.size() >= capacity_) highest = std::min(highest, heap_.front().hash);
  std::array<std::uint64_t, 256> hashes{};
  for (std::size_t begin = 0; begin < count; begin += hashes.size()) {
    const std::size_t length = std::min(hashes.size(), count - begin);
    random_words(key_, stream, first + begin, length, hashes.data());
    for (std::size_t i = 0; i < length; ++i) {
      if (hashes[i] <= highest && admits({hashes[i], {stream, first + begin + i}, 0}))
        out.push_back(static_cast<std::uint32_t>(begin + i));
    }
  }
}

void RowSample::add(KeyId id, const double* row) {
  Entry e{hash(id), id, 0};
  if (!admits(e)) return;
  if (rows_.count() >= 2 * capacity_ + kSpare) compact();
  if (heap_.size() == heap_.capacity()) heap_.reserve(std::max<std::size_t>(16, 2 * heap_.size()));
  rows_.append(row);
  e.slot = rows_.count() - 1;
  insert(e);
}

void RowSample::insert(const Entry& e) {
  if (heap_.size() == capacity_) {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.back() = e;
  } else {
    heap_.push_back(e);
  }
  std::push_heap(heap_.begin(), heap_.end());
}

void RowSample::compact() {
  std::vector<Entry*> live;
  live.reserve(heap_.size());
  for (Entry& e : heap_) live.push_back(&e);
  std::sort(live.begin(), live.end(), [](const Entry* a, const Entry* b) { return a->slot < b->slot; });
  std::vector<std::size_t> slots;
  slots.reserve(live.size());
  for (const Entry* e : live) slots.push_back(e->slot);
  RowStore kept = rows_;
  kept.keep(slots);
  rows_ = std::move(kept);
  for (std::size_t i = 0; i < live.size(); ++i) live[i]->slot = i;
}

RowSample RowSample::fresh() const {
  RowSample out(dim(), capacity_, seed_);
  out.has_bar_ = has_bar_;
  out.bar_ = bar_;
  if (capacity_ > 0 && heap_.size() == capacity_) {  // its greatest is below any bar it has
    out.has_bar_ = true;
    out.bar_ = heap_.front();
  }
  return out;
}

void RowSample::reserve(const RowSample& other) {
  if (rows_.count() + other.size() > 2 * capacity_ + kSpare) compact();
  rows_.reserve(other.size(), other.rows_.is_wide());
  const std::size_t entries = std::min(capacity_, heap_.size() + other.size());
  if (entries > heap_.capacity()) heap_.reserve(std::max(entries, 2 * heap_.capacity()));
}

void RowSample::merge(const RowSample& other) {
  reserve(other);
  for (const Entry& e : other.heap_) {
    if (!admits(e)) continue;
    rows_.append(other.rows_.view().slice(e.slot, 1));
    insert({e.hash, e.id, rows_.count() - 1});
  }
}

std::vector<std::uint64_t> RowSample::hashes() const {
  std::vector<std::uint64_t> out;
  out.reserve(heap_.size());
  for (const Entry& e : heap_) out.push_back(e.hash);
  return out;
}

RowSample RowSample::up_to(std::uint64_t highest) const {
  RowSample out(dim(), capacity_, seed_);
  for (const Entry& e : heap_) {
    if (e.hash > highest) continue;
    out.rows_.append(rows_.view().slice(e.slot, 1));
    out.heap_.push_back({e.hash, e.id, out.rows_.count() - 1});
  }
  std::make_heap(out.heap_.begin(), out.heap_.end());
  return out;
}

std::vector<RowSample::Entry> RowSample::ordered() const {
  std::vector<Entry> entries = heap_;
  std::sort(entries.begin(), entries.end());
  return entries;
}

RowSample::Sorted RowSample::sorted() const {
  Sorted out{{}, RowStore(dim())};
  out.ids.reserve(size());
  std::vector<double> row(dim());
  for (const Entry& e : ordered()) {
    out.ids.push_back(e.id);
    rows_.read(e.slot, row.data());
    out.rows.append(row.data());
  }
  return out;
}

bool operator==(const RowSample& a, const RowSample& b) {
  return a.dim() == b.dim() && a.capacity_ == b.capacity_ && a.seed_ == b.seed_ && a.size() == b.size() &&
         a.sorted() == b.sorted();
}

void RowSample::put(ByteWriter& out) const {
  const Sorted kept = sorted();
  out.put<std::uint64_t>(kept.ids.size());
  out.put_array(kept.ids.data(), kept.ids.size());
  put_rows(out, kept.rows);
}

RowSample RowSample::get(ByteReader& in, std::size_t dim, std::size_t capacity, std::uint64_t seed) {
  RowSample sample(dim, capacity, seed);
  const auto ids = in.get_array<KeyId>(in.get<std::uint64_t>());
  if (ids.size() > capacity) ByteReader::fail("more rows are sampled than were asked for");
  sample.rows_ = get_rows(in, dim);
  if (sample.rows_.count() != ids.size()) ByteReader::fail("sampled ids without rows");
  sample.heap_.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Entry e{sample.hash(ids[i]), ids[i], i};
    // Ascending strictly, so no id is there twice.
    if (i > 0 && !(sample.heap_.back() < e)) ByteReader::fail("sampled rows are not in order");
    if (ids[i].row >= std::uint64_t{1} << 62) ByteReader::fail("a sampled row is past 2^62");
    sample.heap_.push_back(e);
  }
  std::make_heap(sample.heap_.begin(), sample.heap_.end());
  return sample;
}

}  // namespace heavykeys::detail
