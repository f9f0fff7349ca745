#include "lib/absorb.hpp"

#include "heavykeys/streaming.hpp"

namespace heavykeys::streaming {

void absorb(Sketch& sketch, const Rows& rows) { detail::absorb_with(sketch, rows, detail::serial_workers()); }

}  // namespace heavykeys::streaming
