//! Files that were sent with a message: the source's description of them, and whether they were stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::hash::Sha256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub id: Option<String>,
    /// For example `image/png`.
    pub mime: Option<String>,
    pub filename: Option<String>,
    pub size_bytes: Option<u64>,
    #[serde(skip)]
    pub url: Option<FileAddress>,
    /// Set if the plan stores attachments.
    #[serde(flatten)]
    pub file: Option<File>,
}

/// Bytes of a stored [`Attachment`] beside its texts: names of fields, its size and the digest of its file.
const ENVELOPE_BYTES: usize = 160;

impl Attachment {
    /// Includes the address, which is held until the file is fetched.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.id.iter().chain(&self.mime).chain(&self.filename);
        let address = self.url.as_ref().map_or(0, |url| url.as_str().len());
        ENVELOPE_BYTES + texts.map(String::len).sum::<usize>() + address
    }
}

/// Temporary URL of an attachment's bytes. It may contain a secret, and is of no use later.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct FileAddress(String);

impl FileAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FileAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileAddress")
    }
}

impl From<String> for FileAddress {
    fn from(address: String) -> Self {
        Self(address)
    }
}

/// Whether an attachment's bytes were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum File {
    Stored { sha256: Sha256, stored_bytes: u64 },
    NotStored { not_stored: NotStored },
}

/// Why an attachment is listed but not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NotStored {
    /// The source gives no URL for it.
    NoAddress,
    /// Its host is not allowed.
    Host,
    /// The plan does not list its content type.
    ContentType,
    /// Larger than the plan allows, or beyond the limit of its conversation.
    TooLarge,
    Gone,
    Forbidden,
    /// The host failed to serve it, on a retry too.
    Unavailable,
}

/// Which attachments are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentLimits {
    pub max_attachment_bytes: u64,
    /// For example `application/pdf`, or `image/*` for all subtypes.
    pub content_types: Vec<String>,
}

impl AttachmentLimits {
    /// The URL of an attachment's bytes, unless the source's description rules it out.
    pub(crate) fn url_to_fetch<'a>(
        &self,
        attachment: &'a Attachment,
    ) -> Result<&'a str, NotStored> {
        if !attachment
            .mime
            .as_deref()
            .is_some_and(|it| self.accepts(it))
        {
            return Err(NotStored::ContentType);
        }
        if attachment
            .size_bytes
            .is_some_and(|bytes| bytes > self.max_attachment_bytes)
        {
            return Err(NotStored::TooLarge);
        }
        let address = attachment.url.as_ref().map(FileAddress::as_str);
        address.ok_or(NotStored::NoAddress)
    }

    /// Whether the content type of a host's response is acceptable. Many hosts send none or a generic one for binary
    /// data. Other types must be in the plan, which rules out web pages and JSON.
    pub(crate) fn accepts_response(&self, mime: Option<&str>) -> bool {
        mime.is_none_or(|mime| {
            let bytes = ["application/octet-stream", "binary/octet-stream"];
            bytes.contains(&&*essence(mime).to_ascii_lowercase()) || self.accepts(mime)
        })
    }

    /// Ignores case and parameters.
    fn accepts(&self, mime: &str) -> bool {
        let essence = essence(mime);
        let (kind, _) = essence.split_once('/').unwrap_or_default();
        self.content_types
            .iter()
            .any(|accepted| match accepted.strip_suffix("/*") {
                Some(accepted) => accepted.eq_ignore_ascii_case(kind),
                None => accepted.eq_ignore_ascii_case(essence),
            })
    }
}

fn essence(mime: &str) -> &str {
    mime.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(mime: &str, size_bytes: Option<u64>, url: Option<&str>) -> Attachment {
        Attachment {
            id: None,
            mime: Some(mime.to_owned()),
            filename: None,
            size_bytes,
            url: url.map(|url| url.to_owned().into()),
            file: None,
        }
    }

    #[test]
    fn type_and_size_of_an_attachment_are_checked_before_it_is_fetched() {
        let limits = AttachmentLimits {
            max_attachment_bytes: 10,
            content_types: vec!["image/*".to_owned(), "application/pdf".to_owned()],
        };
        let url = Some("https://example.com/a");
        let address = |it: &Attachment| limits.url_to_fetch(it).map(ToOwned::to_owned);

        assert!(address(&attachment("IMAGE/png", Some(10), url)).is_ok());
        assert!(address(&attachment("application/pdf; q=1", None, url)).is_ok());
        assert_eq!(
            address(&attachment("application/zip", None, url)),
            Err(NotStored::ContentType)
        );
        assert_eq!(
            address(&attachment("imagery", None, url)),
            Err(NotStored::ContentType)
        );
        assert_eq!(
            address(&attachment("image/png", Some(11), url)),
            Err(NotStored::TooLarge)
        );
        assert_eq!(
            address(&attachment("image/png", None, None)),
            Err(NotStored::NoAddress)
        );
    }

    #[test]
    fn an_attachment_record_holds_its_outcome_but_not_its_address() {
        let mut it = attachment(
            "image/png",
            Some(7),
            Some("https://example.com/?token=s3cret"),
        );
        let plain = serde_json::to_string(&it).unwrap();
        it.file = Some(File::NotStored {
            not_stored: NotStored::TooLarge,
        });
        let left_out = serde_json::to_string(&it).unwrap();

        assert_eq!(
            plain,
            r#"{"id":null,"mime":"image/png","filename":null,"sizeBytes":7}"#
        );
        assert_eq!(
            left_out,
            r#"{"id":null,"mime":"image/png","filename":null,"sizeBytes":7,"notStored":"tooLarge"}"#
        );
    }
}
