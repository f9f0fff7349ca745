#include "lib/absorb.hpp"
#include "lib/covariance_absorb.hpp"

#include "heavykeys/streaming.hpp"

namespace heavykeys::streaming {

void absorb(Sketch& sketch, const Rows& rows) { detail::absorb_with(sketch, rows, detail::serial_workers()); }

void absorb(Covariance& covariance, const Rows& samples) {
  detail::absorb_with(covariance, samples, detail::serial_workers());
}

}  // namespace heavykeys::streaming
