//! Entry bundles: up to 256 entries, each as its length in two bytes, big-endian, and its bytes.

use super::TILE_WIDTH;

/// Longest entry: what two bytes can count.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Longest bundle.
pub const MAX_BUNDLE_BYTES: usize = TILE_WIDTH as usize * (MAX_ENTRY_BYTES + 2);

/// The entry is longer than [`MAX_ENTRY_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry of {0} bytes is longer than {MAX_ENTRY_BYTES}")]
pub struct EntryTooLong(usize);

/// Why bytes are no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("it ends inside of its entry {0}")]
    Cut(usize),
    #[error("it has more than {TILE_WIDTH} entries")]
    TooMany,
}

/// Adds one entry to a bundle.
///
/// # Errors
/// It is too long; the bundle is unchanged.
pub fn encode_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle.
///
/// # Errors
/// It is cut, or has too many entries.
pub fn decode_bundle(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(usize::from(TILE_WIDTH));
    while !bundle.is_empty() {
        if entries.len() == usize::from(TILE_WIDTH) {
            return Err(BundleError::TooMany);
        }
        let cut = BundleError::Cut(entries.len());
        let (length, rest) = bundle.split_first_chunk::<2>().ok_or(cut)?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(cut)?;
        entries.push(entry);
        bundle = rest;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_that_two_bytes_cannot_count_is_refused() {
        let mut bundle = Vec::new();
        assert!(encode_entry(&mut bundle, &vec![0; MAX_ENTRY_BYTES]).is_ok());
        let before = bundle.len();
        assert_eq!(
            encode_entry(&mut bundle, &vec![0; MAX_ENTRY_BYTES + 1]),
            Err(EntryTooLong(MAX_ENTRY_BYTES + 1))
        );
        assert_eq!(bundle.len(), before);
    }

    #[test]
    fn a_bundle_with_too_many_entries_is_refused() {
        assert_eq!(decode_bundle(&[0; 2 * 256]).map(|entries| entries.len()), Ok(256));
        assert_eq!(decode_bundle(&[0; 2 * 257]), Err(BundleError::TooMany));
    }

    proptest! {
        #[test]
        fn entries_survive_their_bundle_and_a_cut_bundle_is_refused(
            entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..20), cut in any::<usize>()
        ) {
            let mut bundle = Vec::new();
            let mut ends = vec![0];
            for entry in &entries {
                encode_entry(&mut bundle, entry).expect("short");
                ends.push(bundle.len());
            }
            prop_assert_eq!(decode_bundle(&bundle), Ok(entries.iter().map(Vec::as_slice).collect()));
            let cut = cut % bundle.len();
            prop_assert_eq!(decode_bundle(&bundle[..cut]).is_ok(), ends.contains(&cut));
        }
    }
}
