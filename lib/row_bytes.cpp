#include "lib/row_bytes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lib/read_rows.hpp"

namespace heavykeys::detail {

namespace {

template <class T>
void require_storable(const std::vector<T>& values) {
  for (T v : values) {
    if (!std::isfinite(v)) ByteReader::fail("a row holds NaN or an infinity");
    if (v == T(0) && std::signbit(v)) ByteReader::fail("a row holds minus zero");
  }
}

}  // namespace

void put_rows(ByteWriter& out, const RowStore& store) {
  const Rows view = store.view();
  const bool wide = !fits_float(view);  // by value, not by how memory happens to hold it
  out.put<std::uint64_t>(store.count());
  out.put<std::uint32_t>(wide ? 8 : 4);
  out.put<std::uint32_t>(0);
  if (wide || !store.is_wide()) {
    out.put_array(static_cast<const std::byte*>(store.data()), store.count() * store.dim() * (wide ? 8 : 4));
  } else {
    std::vector<float> floats(store.count() * store.dim());
    read_floats(view, floats.data());
    out.put_array(floats.data(), floats.size());
  }
}

RowStore get_rows(ByteReader& in, std::size_t dim) {
  const auto count = in.get<std::uint64_t>();
  const auto size = in.get<std::uint32_t>();
  if (in.get<std::uint32_t>() != 0 || (size != 4 && size != 8)) ByteReader::fail("rows of an unknown type");
  if (count > (std::uint64_t{1} << 62) / std::max<std::size_t>(dim, 1))
    ByteReader::fail("an array is longer than the file");
  RowStore store(dim);
  if (size == 4) {
    const auto floats = in.get_array<float>(count * dim);
    require_storable(floats);
    store.append(rows(floats.data(), static_cast<std::size_t>(count), dim));
  } else {
    const auto doubles = in.get_array<double>(count * dim);
    require_storable(doubles);
    const Rows view = rows(doubles.data(), static_cast<std::size_t>(count), dim);
    if (fits_float(view)) ByteReader::fail("rows are wider than their values");
    store.append(view);
  }
  return store;
}

}  // namespace heavykeys::detail
