//! Lists the folder of a stream, and parses the names in it: the inverse of [`LiveKey`](crate::export::objects::LiveKey),
//! which alone defines how they are written.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::archive::{Archive, ArchiveError};
use crate::base::ids::StreamName;
use crate::base::time::parse_key_time;
use crate::export::live_coverage::LiveGapSpan;
use crate::export::objects::stream_prefix;

/// The contents of a stream's folder, without the objects of its days of arrival.
#[derive(Debug, Default)]
pub(super) struct StreamFolder {
    /// The days of arrival.
    pub(super) days: BTreeSet<Date>,
    /// The days of arrival of quarantined frames.
    pub(super) quarantine_days: BTreeSet<Date>,
    pub(super) sealed_days: BTreeSet<Date>,
    pub(super) epochs: BTreeSet<u64>,
    /// The epochs whose process has ended in order.
    pub(super) ended_epochs: BTreeSet<u64>,
    pub(super) gaps: BTreeSet<LiveGapSpan>,
    pub(super) closed_gaps: BTreeSet<LiveGapSpan>,
    /// Keys that this program does not write.
    pub(super) unknown: Vec<String>,
}

/// The names directly below a prefix.
struct Children {
    files: Vec<String>,
    folders: Vec<String>,
}

impl StreamFolder {
    pub(super) async fn list(archive: &Archive, stream: &StreamName) -> Result<Self, ArchiveError> {
        let prefix = stream_prefix(stream);
        let mut folder = Self::default();
        let children = children(archive, &prefix).await?;
        for file in children.files {
            folder.add(&prefix, &file, Self::add_epoch);
        }
        for name in children.folders {
            let below = format!("{prefix}{name}/");
            match name.as_str() {
                "gaps" => folder.add_all(archive, &below, Self::add_gap).await?,
                "days" => folder.add_all(archive, &below, Self::add_seal).await?,
                "quarantine" => folder.add_quarantine(archive, &below).await?,
                name => match parse_day_folder(name) {
                    Some(day) => _ = folder.days.insert(day),
                    None => folder.add_all(archive, &below, |_, _| None).await?,
                },
            }
        }
        Ok(folder)
    }

    async fn add_all(
        &mut self,
        archive: &Archive,
        prefix: &str,
        add: impl Fn(&mut Self, &str) -> Option<()>,
    ) -> Result<(), ArchiveError> {
        for object in archive.list_all(prefix).await? {
            let name = object.key.strip_prefix(prefix).unwrap_or_default();
            self.add(prefix, name, &add);
        }
        Ok(())
    }

    fn add(&mut self, prefix: &str, name: &str, add: impl Fn(&mut Self, &str) -> Option<()>) {
        if add(self, name).is_none() {
            self.unknown.push(format!("{prefix}{name}"));
        }
    }

    fn add_epoch(&mut self, name: &str) -> Option<()> {
        let stem = name.strip_prefix("epoch-")?.strip_suffix(".json")?;
        let ended = stem.strip_suffix("-ended");
        let digits = ended.unwrap_or(stem);
        let number: u64 = digits.parse().ok().filter(|number| *number > 0)?;
        (format!("{number:08}") == digits).then_some(())?;
        match ended {
            Some(_) => self.ended_epochs.insert(number),
            None => self.epochs.insert(number),
        };
        Some(())
    }

    fn add_gap(&mut self, name: &str) -> Option<()> {
        let stem = name.strip_suffix(".json")?;
        let open = stem.strip_suffix("-closed");
        let span = parse_span(open.unwrap_or(stem))?;
        match open {
            Some(_) => self.closed_gaps.insert(span),
            None => self.gaps.insert(span),
        };
        Some(())
    }

    fn add_seal(&mut self, name: &str) -> Option<()> {
        self.sealed_days
            .insert(parse_day(name.strip_suffix(".json")?)?);
        Some(())
    }

    async fn add_quarantine(
        &mut self,
        archive: &Archive,
        prefix: &str,
    ) -> Result<(), ArchiveError> {
        let children = children(archive, prefix).await?;
        let files = children.files.iter();
        self.unknown
            .extend(files.map(|name| format!("{prefix}{name}")));
        for name in children.folders {
            if let Some(day) = parse_day_folder(&name) {
                self.quarantine_days.insert(day);
            } else {
                let below = format!("{prefix}{name}/");
                self.add_all(archive, &below, |_, _| None).await?;
            }
        }
        Ok(())
    }
}

/// Costs one listing for each folder, and one for each thousand files.
async fn children(archive: &Archive, prefix: &str) -> Result<Children, ArchiveError> {
    let mut children = Children {
        files: Vec::new(),
        folders: Vec::new(),
    };
    let mut after: Option<String> = None;
    loop {
        let listing = archive.store().list(prefix, after.as_deref()).await?;
        let mut is_at_end = !listing.truncated;
        for object in listing.objects {
            let name = object.key.strip_prefix(prefix).unwrap_or_default();
            if let Some((folder, _)) = name.split_once('/') {
                // Continues after all keys with this name and a slash: `0` is the character after `/`.
                after = Some(format!("{prefix}{folder}0"));
                children.folders.push(folder.to_owned());
                is_at_end = false;
                break;
            }
            children.files.push(name.to_owned());
            after = Some(object.key);
        }
        if is_at_end {
            return Ok(children);
        }
    }
}

fn parse_day_folder(name: &str) -> Option<Date> {
    parse_day(name.strip_prefix("dt=")?)
}

/// A day exactly as it is written.
fn parse_day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}

fn parse_span(name: &str) -> Option<LiveGapSpan> {
    let (from, until) = name.split_once('-')?;
    Some(LiveGapSpan {
        from: parse_key_time(from)?,
        until: parse_key_time(until)?,
    })
}
