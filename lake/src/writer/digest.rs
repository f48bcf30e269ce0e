//! Counts and digests bytes on their way into a file.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

pub(super) struct Digested<W> {
    inner: W,
    bytes: u64,
    sha256: Sha256,
}

impl<W> Digested<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            bytes: 0,
            sha256: Sha256::new(),
        }
    }

    /// The destination, the number of bytes, and their digest in hexadecimal digits.
    pub(super) fn finish(self) -> (W, u64, String) {
        let digest = self.sha256.finalize();
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect();
        (self.inner, self.bytes, digits)
    }
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
