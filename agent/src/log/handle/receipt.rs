//! Receipts, from the tiles in the public folder.

use connect_shared::proof::{
    receipt::Receipt,
    tile::{Level, LogReader as _, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, TileHashes, decode_bundle},
    tree::inclusion_proof,
};

use super::{
    super::{PublicFolder, Published, ReceiptUnavailable},
    Log,
};

impl Log {
    /// The proof that the entry at `index` is in the log: the text of a `c2sp.org/tlog-proof@v1`. Signs a
    /// checkpoint first if none covers the entry.
    ///
    /// # Errors
    /// There is no such entry, or no checkpoint could be signed.
    pub(crate) async fn receipt(&self, index: u64) -> Result<String, ReceiptUnavailable> {
        if index >= self.next() {
            return Err(ReceiptUnavailable::NoSuchEntry(index));
        }
        let published = self.publish_upto(index + 1).await?;
        let public = self.open.public.clone();
        let made = tokio::task::spawn_blocking(move || make_receipt(&public, index, &published));
        made.await.map_err(|_| ReceiptUnavailable::Cancelled)?
    }
}

pub(in crate::log) fn make_receipt(
    public: &PublicFolder,
    index: u64,
    published: &Published,
) -> Result<String, ReceiptUnavailable> {
    let size = published.size;
    let proof = inclusion_proof(index, size, &mut TileHashes::new(public, size))?;
    let bundle =
        Tile::of(Level::Entries, index / u64::from(TILE_WIDTH), size).ok_or(ReceiptUnavailable::Bundle)?;
    // A partial bundle may have been dropped since for the full one.
    let read = |tile: Tile| public.read(&tile.path(), MAX_BUNDLE_BYTES).ok().flatten();
    let missing = || match index < public.pruned_upto() {
        true => ReceiptUnavailable::Pruned,
        false => ReceiptUnavailable::Bundle,
    };
    let bytes = read(bundle).or_else(|| read(bundle.full())).ok_or_else(missing)?;
    let entries = decode_bundle(&bytes).map_err(|_| ReceiptUnavailable::Bundle)?;
    let place = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
    let leaf = entries.get(place).ok_or(ReceiptUnavailable::Bundle)?.to_vec();
    Ok(Receipt { index, leaf, proof, checkpoint: published.checkpoint.to_string() }.to_string())
}
