// coarse_products() with AVX-512 VNNI: one instruction multiplies pairs of 16-bit integers and adds them up.
// Highway's targets end before it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heavykeys::detail {

/// True when the processor has it.
bool vnni_usable();

/// As coarse_products().
void coarse_products_vnni(const std::int16_t* queries, std::size_t query_count, std::size_t width,
                          const std::int16_t* panel, std::size_t ld, std::int32_t* products);

}  // namespace heavykeys::detail
