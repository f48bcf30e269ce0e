//! The functions of a stack, as Lambda describes them.

use std::collections::BTreeMap;

use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use conversation_archive::runtime::config::{Deployment, FUNCTIONS, FunctionSettings};
use futures::future::try_join_all;
use serde::Serialize;

use super::{NOT_FOUND, Stack, lambda_problem};
use crate::problem::Problem;

/// One function of the stack.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionView {
    pub function: &'static str,
    /// `Active`, or why it cannot be invoked.
    pub state: String,
    pub memory_mb: Option<i32>,
    pub timeout_seconds: Option<i32>,
    pub code_size_bytes: i64,
    pub last_modified: Option<String>,
}

impl Stack {
    /// The functions that the stack has.
    pub(crate) async fn functions(&self) -> Result<Vec<FunctionView>, Problem> {
        let found = FUNCTIONS.map(|function| self.configuration(function));
        let found = try_join_all(found).await?.into_iter();
        let views = found.zip(FUNCTIONS).filter_map(|(found, function)| {
            let found = found?;
            Some(FunctionView {
                function: function.function,
                state: found
                    .state
                    .map_or_else(|| "unknown".to_owned(), |state| state.as_str().to_owned()),
                memory_mb: found.memory_size,
                timeout_seconds: found.timeout,
                code_size_bytes: found.code_size,
                last_modified: found.last_modified,
            })
        });
        Ok(views.collect())
    }

    /// The variables of all functions in one map; no variable has different values in two functions.
    pub(crate) async fn variables(&self) -> Result<BTreeMap<String, String>, Problem> {
        let found = FUNCTIONS.map(|function| self.configuration(function));
        let found = try_join_all(found).await?;
        let variables = found
            .into_iter()
            .filter_map(|function| function?.environment?.variables);
        Ok(variables.flatten().collect())
    }

    /// The configuration of the function; `None` for a function of live capture in a stack without it.
    async fn configuration(
        &self,
        function: FunctionSettings,
    ) -> Result<Option<GetFunctionConfigurationOutput>, Problem> {
        let request = self
            .lambda
            .get_function_configuration()
            .function_name(format!("{}-{}", self.name, function.function));
        match request.send().await {
            Ok(found) => Ok(Some(found)),
            Err(error)
                if function.deployment == Deployment::LiveCapture
                    && error.code() == Some(NOT_FOUND) =>
            {
                Ok(None)
            }
            Err(error) => Err(lambda_problem(&self.name, &error)),
        }
    }
}
