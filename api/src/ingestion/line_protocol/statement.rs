//! The statements that clients of version 1 send before they write: databases need not be created here, and are sites.

use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{ApiResponse, Object};
use serde_json::{Value, json};

use super::answer::{self, InfluxError};
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

/// The results of statements.
#[derive(Debug, Clone, Object)]
pub struct StatementResults {
    /// One for each statement.
    results: Vec<StatementResult>,
}

/// The result of a statement.
#[derive(Debug, Clone, Object)]
pub struct StatementResult {
    /// Its number, from 0.
    statement_id: u64,
    /// What it lists.
    #[oai(skip_serializing_if_is_none)]
    series: Option<Vec<StatementSeries>>,
}

/// A list, as a table.
#[derive(Debug, Clone, Object)]
pub struct StatementSeries {
    /// What is listed.
    name: String,
    /// The names of the columns.
    columns: Vec<String>,
    /// The rows; absent without any.
    #[oai(skip_serializing_if_is_none)]
    values: Option<Vec<Any<Value>>>,
}

#[derive(ApiResponse)]
pub(in crate::ingestion) enum StatementResponse {
    /// `CREATE DATABASE` and `CREATE RETENTION POLICY` change nothing; `SHOW DATABASES` lists the database of the request,
    /// `SHOW RETENTION POLICIES` the one that there is.
    #[oai(status = 200)]
    Results(Json<StatementResults>),
    /// Any other statement: readings are queried by the Processing Service.
    #[oai(status = 400)]
    Unsupported(Json<InfluxError>),
}

impl StatementResponse {
    pub(super) fn unsupported() -> Self {
        let detail = "q: Input should be CREATE DATABASE or SHOW DATABASES; readings are queried at the Processing Service, \
                      by GET /sites/{site_id}/readings";
        Self::Unsupported(answer::error(
            "invalid",
            ErrorBody::new(ErrorCode::ValidationFailed, detail),
        ))
    }
}

/// The results of statements, separated by semicolons; `None` if one is not supported.
pub(super) fn results(text: &str, database: Option<&str>) -> Option<StatementResults> {
    let statements = text.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    let series = statements.map(|statement| series(statement, database));
    let series = series.collect::<Option<Vec<_>>>().filter(|series| !series.is_empty())?;
    let results = series.into_iter().zip(0..);
    let results = results.map(|(series, statement_id)| StatementResult { statement_id, series });
    Some(StatementResults { results: results.collect() })
}

#[allow(clippy::option_option, reason = "a statement without a list, and an unsupported one")]
fn series(statement: &str, database: Option<&str>) -> Option<Option<Vec<StatementSeries>>> {
    let mut words = statement.split_ascii_whitespace().map(str::to_ascii_uppercase);
    let words: [_; 3] = std::array::from_fn(|_| words.next().unwrap_or_default());
    match words.each_ref().map(String::as_str) {
        ["CREATE", "DATABASE", _] | ["CREATE", "RETENTION", "POLICY"] => Some(None),
        ["SHOW", "DATABASES", ""] => {
            let rows = database.into_iter().map(|name| json!([name])).collect();
            Some(Some(vec![table("databases", &["name"], rows)]))
        }
        ["SHOW", "RETENTION", "POLICIES"] => {
            let columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"];
            let rows = vec![json!(["autogen", "0s", "168h0m0s", 1, true])];
            Some(Some(vec![table("policies", &columns, rows)]))
        }
        _ => None,
    }
}

fn table(name: &str, columns: &[&str], rows: Vec<Value>) -> StatementSeries {
    StatementSeries {
        name: name.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        values: (!rows.is_empty()).then(|| rows.into_iter().map(Any).collect()),
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON;

    use super::*;

    fn answered(text: &str, database: Option<&str>) -> Option<String> {
        results(text, database).map(|results| results.to_json_string())
    }

    #[test]
    fn what_clients_send_first_is_answered() {
        let created = Some(r#"{"results":[{"statement_id":0}]}"#.to_owned());
        assert_eq!(answered("CREATE DATABASE \"telegraf\"", None), created);
        assert_eq!(answered("create database x;", None), created);
        let databases = r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["home"]]}]}]}"#;
        assert_eq!(answered("SHOW DATABASES", Some("home")).as_deref(), Some(databases));
        let none = r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"]}]}]}"#;
        assert_eq!(answered("show databases", None).as_deref(), Some(none));
        assert_eq!(
            answered("SHOW RETENTION POLICIES ON x; SHOW DATABASES", None)
                .unwrap()
                .matches("statement_id")
                .count(),
            2
        );
        for other in ["", ";", "SELECT * FROM cpu", "DROP DATABASE x", "SHOW DATABASES; SELECT 1"] {
            assert_eq!(answered(other, None), None, "{other}");
        }
    }
}
