//! Sizes that say little: Padmé (Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: "Reducing Metadata Leakage from Encrypted Files and
//! Communication with PURBs", PoPETs 2019). A size keeps only as many leading bits as the logarithm of its logarithm.

use crate::base::limits::PAD_FROM_BYTES;

/// The size that an object of `size` bytes is padded to: itself up to [`PAD_FROM_BYTES`], above it at most 6.3 % more, and less for large ones.
pub fn padded_size(size: u64) -> u64 {
    if size <= PAD_FROM_BYTES { size } else { padme(size) }
}

/// Padmé without a lower limit: at most 12 % more.
pub(super) fn padme(size: u64) -> u64 {
    let Some(exponent) = size.checked_ilog2().filter(|e| *e > 1) else { return size };
    let kept = exponent.ilog2() + 1;
    let mask = (1u64 << (exponent - kept)) - 1;
    size.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn padding_is_small_stable_and_never_shrinks(size in 0..1u64 << 40) {
            let padded = padded_size(size);
            prop_assert!(padded >= size);
            prop_assert!((padded - size) * 1000 <= size * 63, "{size} -> {padded}");
            prop_assert_eq!(padded_size(padded), padded);
            prop_assert!((padme(size) - size) * 100 <= size * 12);
        }
    }

    #[test]
    fn few_sizes_remain() {
        let sizes: std::collections::BTreeSet<u64> = (1 << 20..1 << 21).step_by(97).map(padded_size).collect();
        assert!(sizes.len() <= 33, "{}", sizes.len());
        assert_eq!(padded_size(4096), 4096);
        assert_eq!(padded_size(4097), 4352);
        assert_eq!(padded_size(1_000_000), 1_015_808);
    }
}
