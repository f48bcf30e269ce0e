//! `transcript`: the messages of conversations as a dialogue, from an archive or straight from the API.

use std::ops::ControlFlow;

use conversation_archive::archive::Archive;
use conversation_archive::archive::find::{self, RecordType, SearchCriteria};
use conversation_archive::base::json::JsonText;
use conversation_archive::export::request::ExportRequest;
use conversation_archive::records::page::page_text;
use conversation_archive::records::transcript::Status;
use serde_json::json;
use serde_json::value::RawValue;

use super::live_query::LiveQuery;
use super::settings;
use crate::arguments::TranscriptArguments;
use crate::problem::{Exit, Problem, full_message};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::stack::Stack;

mod dialogue;

pub(super) async fn transcript(
    arguments: &TranscriptArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let transcripts = match archive(arguments).await? {
        Some(archive) => read_stored(&archive, &arguments.conversation_ids).await?,
        None => fetch(arguments, &settings(None)?, screen).await?,
    };
    let width = dialogue::width();
    let records = transcripts.iter().map(|record| JsonText::of(record));
    let records: Vec<_> = records.collect();
    let texts = records
        .iter()
        .map(|record| dialogue::render(*record, width));
    let text = texts.collect::<Vec<_>>().join("\n\n");
    screen.print_archived(&text, &transcripts)?;
    let all_available = records.iter().all(|record| is_available(*record))
        && records.len() == arguments.conversation_ids.len();
    Ok(if all_available {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn is_available(record: JsonText<'_>) -> bool {
    let status = record.get("status").and_then(JsonText::text);
    let status = status.and_then(|status| Status::from_name(&status));
    status.is_some_and(Status::has_text)
}

/// The archive to read; `None` if the API is used.
async fn archive(arguments: &TranscriptArguments) -> Result<Option<Archive>, Problem> {
    if let Some(place) = &arguments.from {
        return Ok(Some(place.archive().await?));
    }
    if arguments.stack.stack.is_none() && arguments.stack.local.is_none() {
        return Ok(None);
    }
    let stack = Stack::find(&arguments.stack).await?;
    Ok(Some(stack.archive().clone()))
}

/// The latest stored transcript of each conversation.
async fn read_stored(archive: &Archive, ids: &[String]) -> Result<Vec<Box<RawValue>>, Problem> {
    let mut transcripts = Vec::with_capacity(ids.len());
    for id in ids {
        let query = SearchCriteria {
            id,
            day: None,
            records: RecordType::Transcripts,
        };
        let versions = find::versions(archive, query, &mut |_| {}).await;
        let versions = versions.map_err(|error| Problem::failed(full_message(error)))?;
        let Some(latest) = versions.last() else {
            let problem = Problem::failed(format!("the archive has no transcript of {id}"));
            return Err(problem.with_hint(
                "archive transcripts with {\"source\": \"transcripts\", …}; without --from, the transcript is read from the API",
            ));
        };
        let record = find::stored_record(archive, latest).await;
        let record = record.map_err(|error| Problem::failed(full_message(error)))?;
        transcripts.push(serde_json::from_str(&record).map_err(anyhow::Error::from)?);
    }
    Ok(transcripts)
}

async fn fetch(
    arguments: &TranscriptArguments,
    settings: &Settings,
    screen: &Screen,
) -> Result<Vec<Box<RawValue>>, Problem> {
    let mut request = json!({
        "source": "transcripts",
        "filters": {"conversationIds": arguments.conversation_ids},
        "media": arguments.media,
    });
    if arguments.unredacted {
        request["redaction"] = json!({"enabled": false});
    }
    let request = ExportRequest::parse(&request.to_string())?;
    let live = LiveQuery::new(request, "transcript", settings, screen).await?;
    let mut transcripts = Vec::new();
    let read = live.for_each_page(|page| {
        if let Some(object) = &page.body.object {
            let lines = page_text(object).map_err(anyhow::Error::from)?;
            for line in lines.lines() {
                transcripts.push(serde_json::from_str(line).map_err(anyhow::Error::from)?);
            }
        }
        Ok(ControlFlow::Continue(()))
    });
    _ = read.await?;
    Ok(transcripts)
}
