// How many multiply-adds a second the vector units do, from registers: the limit of whatever is bound by
// arithmetic, as the read bandwidth (machine.hpp) is of whatever is bound by memory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace heavykeys::bench {

/// For "float32", "float64" (fused multiply-adds) and "int16" (pairs into int32; vpdpwssd where there is
/// VNNI, else vpmaddwd and an add): the instruction, and 10^9 multiply-adds a second of `threads` threads
/// together. Half a second. Processors without AVX2 and FMA have none, and the tile unit (AMX) is not
/// measured.
nlohmann::json measure_peaks(int threads);

/// Of measure_peaks' result: the most multiply-adds a second of one kind, over its rounds; 0 where there is
/// none.
double peak_rate(const nlohmann::json& peaks, const std::string& kind);

/// One line for people.
std::string peaks_line(const nlohmann::json& peaks);

}  // namespace heavykeys::bench
