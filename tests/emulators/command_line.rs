//! The command line on s3://.
