//! The functions of a stack, as Lambda describes them.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use conversation_archive::runtime::config::FUNCTIONS;
use futures::future::try_join_all;
use serde::Serialize;

use super::{Stack, lambda_problem};
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
    pub(crate) async fn functions(&self) -> Result<Vec<FunctionView>, Problem> {
        let views = FUNCTIONS.map(|function| self.function(function.function));
        try_join_all(views).await
    }

    /// The variables of all functions in one map; no variable has different values in two functions.
    pub(crate) async fn variables(&self) -> Result<BTreeMap<String, String>, Problem> {
        let found = FUNCTIONS.map(|function| self.configuration(function.function));
        let found = try_join_all(found).await?;
        let variables = found
            .into_iter()
            .filter_map(|function| function.environment?.variables);
        Ok(variables.flatten().collect())
    }

    async fn function(&self, function: &'static str) -> Result<FunctionView, Problem> {
        let found = self.configuration(function).await?;
        Ok(FunctionView {
            function,
            state: found
                .state
                .map_or_else(|| "unknown".to_owned(), |state| state.as_str().to_owned()),
            memory_mb: found.memory_size,
            timeout_seconds: found.timeout,
            code_size_bytes: found.code_size,
            last_modified: found.last_modified,
        })
    }

    async fn configuration(
        &self,
        function: &str,
    ) -> Result<GetFunctionConfigurationOutput, Problem> {
        let request = self
            .lambda
            .get_function_configuration()
            .function_name(format!("{}-{function}", self.name));
        let found = request.send().await;
        found.map_err(|error| lambda_problem(&self.name, &error))
    }
}
