//! Attachments: their URLs and contents.

use fastrand::Rng;

/// The size that transcripts report.
pub(crate) const FILE_BYTES: usize = 4_096;

/// The attachment URL in a message.
pub(crate) fn download_url(host: &str, id: &str) -> String {
    format!("http://{host}/api/v2/downloads/{id}")
}

/// Returns the file of a message. One in ten has been deleted.
pub(crate) fn file(id: &str) -> Option<Vec<u8>> {
    let mut rng = rng(id);
    let is_gone = rng.u8(..) < 26;
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize_with(FILE_BYTES, || rng.u8(..));
    (!is_gone).then_some(bytes)
}

/// Whether the download URL redirects to another one; half of them do.
pub(crate) fn is_redirected(id: &str) -> bool {
    rng(id).u8(..).is_multiple_of(2)
}

fn rng(id: &str) -> Rng {
    let number = |seed: u64, byte: u8| seed.wrapping_mul(31).wrapping_add(byte.into());
    let mut rng = Rng::with_seed(id.bytes().fold(0, number));
    // The first outputs of neighbouring seeds are similar, so one is discarded.
    rng.u64(..);
    rng
}
