//! The name of a topic.

use std::fmt;
use std::str::FromStr;

/// The ARN of a standard SNS topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicArn(String);

/// The text is not such an ARN. FIFO topics require a group for each message, and notifications have no order to
/// group by.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the ARN of a standard SNS topic, arn:aws:sns:{{region}}:{{account}}:{{name}}")]
pub struct InvalidTopicArn;

impl TopicArn {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TopicArn {
    type Err = InvalidTopicArn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match parts[..] {
            ["arn", partition, "sns", region, account, name]
                if [partition, region, account, name]
                    .iter()
                    .all(|part| !part.is_empty() && part.chars().all(is_plain)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidTopicArn),
        }
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_standard_topic_is_accepted() {
        let topic = "arn:aws-cn:sns:cn-north-1:123456789012:transcripts";
        assert_eq!(topic.parse::<TopicArn>().unwrap().as_str(), topic);

        for text in [
            "",
            "transcripts",
            "arn:aws:sqs:eu-central-1:123456789012:transcripts",
            "arn:aws:sns:eu-central-1:123456789012:",
            "arn:aws:sns:eu-central-1:123456789012:transcripts.fifo",
            "arn:aws:sns:eu-central-1:123456789012:transcripts:subscription",
        ] {
            assert_eq!(text.parse::<TopicArn>(), Err(InvalidTopicArn), "{text}");
        }
    }
}
